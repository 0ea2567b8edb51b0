"""A model on duty: what was loaded, and the worker that runs it."""

from models.bundle import Bundle
from models.runtime.select import Selection
from models.task import Task
from server.loading.loaded_model import LoadedModel
from server.loading.model_folder import Candidate
from server.scheduling.worker import Worker


class ServedModel:
    """What a request holds on to from its first byte to its last.

    A model that was replaced goes on answering those who hold it, and ends when nobody does.
    """

    def __init__(self, loaded: LoadedModel, worker: Worker, source: Candidate) -> None:
        self.loaded = loaded
        self.worker = worker
        self.source = source
        self.is_retired = False
        """Another one answers new requests; a stream should begin again."""

    @property
    def name(self) -> str:
        return self.loaded.bundle.name

    @property
    def version(self) -> str:
        return self.loaded.bundle.version

    @property
    def bundle(self) -> Bundle:
        return self.loaded.bundle

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self.loaded.tasks

    @property
    def selection(self) -> Selection:
        return self.loaded.selection

    @property
    def max_pixels(self) -> int:
        """Of the largest image that it takes now: by its limits, and by the memory."""
        return min(self.loaded.max_pixels, self.worker.max_pixels)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"
