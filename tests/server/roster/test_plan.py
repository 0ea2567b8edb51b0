"""What is loaded and let go, by what is found. No disk, no model."""

from pathlib import Path

from server.loading.model_folder import Candidate
from server.roster.plan import EVERY, Key, Plan, Wishes, make_plan, why_resting


def found(*texts: str) -> list[Candidate]:
    """ "street@0.2#b": name, version, fingerprint; newest first, as a listing has them."""
    candidates = []
    for text in texts:
        place, _, print_ = text.partition("#")
        name, _, label = place.partition("@")
        candidates.append(
            Candidate(name=name, label=label, folder=Path(place), fingerprint=print_ or "a")
        )
    return candidates


def plan(
    candidates: list[Candidate],
    serving: dict[Key, str] | None = None,
    *,
    failed: dict[Key, str] | None = None,
    unsettled: set[Key] | None = None,
    wishes: Wishes | None = None,
    default: str = "street",
) -> tuple[list[str], list[Key]]:
    made: Plan = make_plan(
        candidates,
        serving=serving or {},
        failed=failed or {},
        unsettled=unsettled or set(),
        wishes=wishes or Wishes(),
        default_name=default,
    )
    return [str(candidate) for candidate in made.load], list(made.retire)


def test_the_newest_version_of_each_is_loaded_the_default_first() -> None:
    loads, retires = plan(found("rooms@1", "street@0.2", "street@0.1"))
    assert (loads, retires) == (["street@0.2", "rooms@1"], [])


def test_the_old_version_stays_until_the_new_one_serves() -> None:
    candidates = found("street@0.2", "street@0.1")
    assert plan(candidates, {("street", "0.1"): "a"}) == (["street@0.2"], [])
    both: dict[Key, str] = {("street", "0.1"): "a", ("street", "0.2"): "a"}
    assert plan(candidates, both) == ([], [("street", "0.1")])
    assert plan(candidates, both, wishes=Wishes(keep=2)) == ([], [])


def test_what_is_still_being_copied_waits() -> None:
    candidates = found("street@0.2", "street@0.1")
    waiting = plan(candidates, {("street", "0.1"): "a"}, unsettled={("street", "0.2")})
    assert waiting == ([], [])


def test_what_failed_gives_way_to_the_one_before_until_it_changes() -> None:
    candidates = found("street@0.2", "street@0.1")
    assert plan(candidates, failed={("street", "0.2"): "a"}) == (["street@0.1"], [])
    serving: dict[Key, str] = {("street", "0.1"): "a"}
    assert plan(candidates, serving, failed={("street", "0.2"): "a"}) == ([], [])
    changed = found("street@0.2#b", "street@0.1")
    assert plan(changed, serving, failed={("street", "0.2"): "a"}) == (["street@0.2"], [])


def test_a_bundle_written_over_is_loaded_again_and_kept_if_that_fails() -> None:
    serving: dict[Key, str] = {("street", "0.2"): "a"}
    candidates = found("street@0.2#b", "street@0.1")
    assert plan(candidates, serving) == (["street@0.2"], [])
    assert plan(candidates, serving, failed={("street", "0.2"): "b"}) == ([], [])


def test_removing_the_newest_version_goes_back_to_the_one_before() -> None:
    serving: dict[Key, str] = {("street", "0.2"): "a"}
    assert plan(found("street@0.1"), serving) == (["street@0.1"], [])
    serving[("street", "0.1")] = "a"
    assert plan(found("street@0.1"), serving) == ([], [("street", "0.2")])


def test_a_model_whose_files_are_gone_goes_unless_it_is_the_default() -> None:
    serving: dict[Key, str] = {("street", "0.1"): "a", ("rooms", "1"): "a"}
    assert plan([], serving) == ([], [("rooms", "1")])


def test_an_unloaded_model_stays_out_until_it_is_loaded() -> None:
    candidates = found("rooms@2", "rooms@1")
    out = Wishes().without({("rooms", EVERY), ("rooms", "2")})
    assert plan(candidates, {("rooms", "2"): "a"}, wishes=out) == ([], [("rooms", "2")])
    assert plan(found("rooms@3", "rooms@2"), wishes=out) == ([], [])
    again = out.with_loaded(candidates[0], is_pinned=False)
    assert plan(candidates, wishes=again) == (["rooms@2"], [])


def test_unloading_one_version_brings_back_the_one_before() -> None:
    out = Wishes().without({("street", "0.2")})
    serving: dict[Key, str] = {("street", "0.2"): "a"}
    candidates = found("street@0.2", "street@0.1")
    assert plan(candidates, serving, wishes=out) == (["street@0.1"], [])


def test_a_version_that_was_asked_for_stays_when_a_newer_one_comes() -> None:
    pinned = Wishes().with_loaded(found("street@0.1")[0], is_pinned=True)
    candidates = found("street@0.3", "street@0.2", "street@0.1")
    assert plan(candidates, {("street", "0.2"): "a"}, wishes=pinned) == (["street@0.1"], [])
    newest = pinned.with_loaded(candidates[0], is_pinned=False)
    assert plan(candidates, {("street", "0.1"): "a"}, wishes=newest) == (["street@0.3"], [])


def test_only_those_that_were_named_are_served() -> None:
    only = Wishes(only=("street@0.1", "rooms"))
    candidates = found("cars@1", "rooms@1", "street@0.2", "street@0.1")
    assert plan(candidates, wishes=only) == (["street@0.1", "rooms@1"], [])


def why(
    candidates: list[Candidate], *, wishes: Wishes, failed: dict[Key, str] | None = None
) -> dict[str, str]:
    """Of those that are not served, while none of them is."""
    return {
        str(one): why_resting(one, candidates, serving=set(), failed=failed or {}, wishes=wishes)
        for one in candidates
    }


def test_what_rests_says_why() -> None:
    candidates = found("street@0.3", "street@0.2", "street@0.1")
    assert why(candidates, wishes=Wishes(keep=2)) == {
        "street@0.3": "it is loaded next, once its files no longer change",
        "street@0.2": "it is loaded next, once its files no longer change",
        "street@0.1": "newer ones come first, and the setting versions is 2: raise it, or load "
        "this version",
    }
    # What has failed stands in nobody's way.
    failed: dict[Key, str] = {("street", "0.3"): "a"}
    assert "loaded next" in why(candidates, wishes=Wishes(keep=2), failed=failed)["street@0.1"]
    pinned = why(candidates, wishes=Wishes(pinned={"street": "0.2"}))
    assert "street was loaded as street@0.2" in pinned["street@0.3"]
    assert "loaded next" in pinned["street@0.2"]
    gone = why(candidates, wishes=Wishes(unloaded=frozenset({("street", EVERY)})))
    assert set(gone.values()) == {"it was unloaded: load it to serve it again"}
    only = why(candidates, wishes=Wishes(only=("street@0.1", "rooms")))
    assert only["street@0.3"] == (
        "the setting models has street@0.1, rooms: add it there, or load it"
    )
