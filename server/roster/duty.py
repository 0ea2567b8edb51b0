"""From a candidate on disk to a model on duty, or the reason why not."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from models.bundle import Bundle, BundleError
from models.runtime.select import ENGINES, EngineError
from server.config import ServerConfig
from server.loading.loaded_model import LoadedModel, load_model
from server.loading.memory import free_bytes
from server.loading.model_folder import Candidate, fingerprint
from server.loading.model_memory import predict_model_bytes
from server.roster.served_model import ServedModel
from server.scheduling.process_memory import ProcessMemory
from server.scheduling.watch import Watch
from server.scheduling.worker import Worker, WorkerPolicy
from server.settings.values import parse_size


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A model that is in memory already."""

    name: str
    is_bundle: bool
    """It came with --bundle, whose name the model folder cannot take."""
    num_bytes: int


def load_candidate(
    config: ServerConfig, candidate: Candidate, neighbours: Iterable[Neighbour]
) -> LoadedModel:
    """Read, check, load, warm up.

    Raises:
        BundleError: the bundle is broken, is being written, or says another name or version than
            its folders.
        EngineError: no engine takes it, or it would not fit beside its neighbours.
    """
    neighbours = list(neighbours)

    def check(bundle: Bundle) -> None:
        _check_name(candidate, bundle, neighbours)
        _check_memory(config, candidate, bundle, neighbours)

    sizes = [parse_size(size) for size in config.warm_up]
    try:
        model = load_model(config, candidate.folder, warm_up_sizes=sizes, check=check)
        changed = bool(candidate.name) and fingerprint(candidate.folder) != candidate.fingerprint
    except OSError as error:
        raise BundleError(
            f"{candidate.folder} cannot be read ({error.strerror or error}): copy it again"
        ) from error
    if changed:
        raise BundleError(
            f"{candidate.folder} was written while it was loaded: it is read again when it rests"
        )
    return model


def start_duty(
    load: Callable[[], LoadedModel],
    source: Candidate,
    *,
    policy: WorkerPolicy,
    watch: Watch,
    memory: ProcessMemory,
    on_served: Callable[[ServedModel], None],
    on_failed: Callable[[str], None],
) -> Worker:
    """Load in a thread of its own that then serves; exactly one of the two is called from there."""
    there = threading.Event()

    def loaded(model: LoadedModel) -> None:
        there.wait()
        on_served(ServedModel(model, worker, source))

    worker = Worker(
        load, on_loaded=loaded, on_failed=on_failed, policy=policy, watch=watch, memory=memory
    )
    worker.start()
    there.set()
    return worker


def _check_name(candidate: Candidate, bundle: Bundle, neighbours: list[Neighbour]) -> None:
    if not candidate.name:
        if any(one.name == bundle.name and not one.is_bundle for one in neighbours):
            raise BundleError(
                f"{candidate.folder}: the name {bundle.name} is taken by the model folder: export "
                f"one of the two under another name"
            )
        return
    if bundle.name != candidate.name or candidate.label not in ("", bundle.version):
        raise BundleError(
            f"{candidate.folder} holds {bundle.name} {bundle.version}, expected what its folders "
            f"say: move it to {bundle.name}/{bundle.version}, or correct name and version in its "
            f"bundle.json"
        )
    if any(one.is_bundle and one.name == bundle.name for one in neighbours):
        raise BundleError(
            f"{candidate.folder}: the name {bundle.name} is taken by --bundle: leave that out, or "
            f"export one of the two under another name"
        )


def _check_memory(
    config: ServerConfig, candidate: Candidate, bundle: Bundle, neighbours: list[Neighbour]
) -> None:
    needed = predict_model_bytes(candidate.folder, bundle, expected_engine(config.engine))
    taken = sum(neighbour.num_bytes for neighbour in neighbours)
    limit = config.max_models_mib * 2**20
    if limit and taken + needed > limit:
        raise EngineError(
            f"{candidate} would take {needed / 2**20:.0f} MiB beside {taken / 2**20:.0f} MiB of "
            f"other models, expected at most {config.max_models_mib} MiB together: unload one, or "
            f"raise --max-models-mib"
        )
    if needed > (free := free_bytes()):
        raise EngineError(
            f"{candidate} would take {needed / 2**20:.0f} MiB, {free / 2**20:.0f} MiB are free: "
            f"unload a model, or give the server more memory"
        )


def expected_engine(engine: str) -> str:
    """The one that "auto" will try first here."""
    installed = [name for name in ENGINES if find_spec(name) is not None]
    return engine if engine != "auto" or not installed else installed[0]
