"""Getting networks from their origins: what is kept, what is refused, and what is said."""

import errno
import os
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from livecam.errors import DownloadFailed, WeightsCorrupt, WeightsMissing
from livecam.inference import pull as pull_module
from livecam.inference import store
from livecam.inference.archives import clear_archives
from livecam.inference.download import Patience
from livecam.inference.model import Model
from livecam.inference.progress import Silent
from livecam.inference.pull import Offline, needed_by, with_needed
from livecam.inference.store import DigestUnknown, Presence, model_path, presence
from livecam.inference.web import Again
from tests.inference.models import content, digest, network, swapper
from tests.inference.servers import Manner, Site, cut, honest, running, status, without_length

DATA, WRONG = content(), content(7)
QUICK = Patience(tries=2, waits_s=(0.001,), stall_s=60.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def site(server: Site) -> Site:
    server.files.clear()
    server.asked.clear()
    return server


def pull(model: Model, cache: Path, *vouched: str) -> Path:
    return pull_module.pull(model, cache, Silent(), frozenset(vouched), QUICK)


def left(cache: Path) -> set[str]:
    """Names of all files in the cache, locks apart."""
    return {path.name for path in cache.rglob("*") if path.is_file() and path.parent.name != ".locks"}


def test_a_network_is_fetched_once(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", DATA)])
    assert pull(model, tmp_path) == pull(model, tmp_path) == model_path(model, tmp_path)
    assert presence(model, tmp_path) is Presence.PRESENT
    assert left(tmp_path) == {"net.onnx", "digest.json"}
    assert len(site.asked) == 1
    assert model_path(model, tmp_path).stat().st_mode & 0o077 == 0
    assert model_path(model, tmp_path).parent.stat().st_mode & 0o077 == 0


def test_a_damaged_one_is_replaced(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", DATA)])
    pull(model, tmp_path).write_bytes(b"damaged")
    assert pull(model, tmp_path).read_bytes() == DATA


def test_a_cut_download_goes_on_in_the_next_call(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", DATA, cut(1000), status(503))])
    with pytest.raises(DownloadFailed, match=r"503.*goes on where it stopped: livecam models pull net.*--from DIR"):
        pull(model, tmp_path)
    assert presence(model, tmp_path) is Presence.ABSENT
    site.serve("/f", DATA)
    assert pull(model, tmp_path).read_bytes() == DATA
    assert site.ranges[-1] == "bytes=1000-"


@pytest.mark.parametrize("manner", [status(404), status(500), without_length], ids=["404", "500", "wrong file"])
def test_the_next_origin_is_tried(site: Site, tmp_path: Path, manner: Manner) -> None:
    urls = [site.serve("/bad", WRONG, manner), site.serve("/good", DATA)]
    assert pull(network("net", DATA, urls=urls), tmp_path).read_bytes() == DATA


def test_a_wrong_file_is_deleted_and_named(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", WRONG)])
    with pytest.raises(WeightsCorrupt, match=f"refused and deleted.*{digest(WRONG)}, not {digest(DATA)}"):
        pull(model, tmp_path)
    assert left(tmp_path) == set()
    assert len(site.asked) == 1


def test_a_wrong_file_does_not_replace_what_is_here(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", WRONG)])
    path = model_path(model, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsCorrupt):
        pull(model, tmp_path)
    assert path.read_bytes() == b"damaged"


def test_a_part_that_went_bad_on_the_disk_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", DATA, cut(1000), status(404))])
    with pytest.raises(DownloadFailed):
        pull(model, tmp_path)
    (partial,) = tmp_path.rglob("*.partial")
    partial.write_bytes(b"x" * 1000)
    site.serve("/f", DATA)
    assert pull(model, tmp_path).read_bytes() == DATA
    assert site.ranges[-2:] == ["bytes=1000-", ""]


def test_without_an_origin_the_user_must_bring_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no origin.*livecam models pull net --from DIR"):
        pull(network("net", DATA), tmp_path)


def test_offline_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise Again("the name cannot be resolved; is there a network?", unreachable=True)

    monkeypatch.setattr("livecam.inference.web._opener", nowhere)
    urls = ["https://example.org/f", "https://example.com/f"]
    with pytest.raises(Offline, match=r"^net could not be fetched: the name cannot be resolved.*pull net") as caught:
        pull(network("net", DATA, urls=urls), tmp_path)
    assert "example" not in str(caught.value)


def test_a_full_disk_keeps_what_came(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network("net", DATA, urls=[site.serve("/f", DATA)])

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pull_module, "flush", full)
        with pytest.raises(WeightsMissing, match="full; what was fetched of net so far"):
            pull(model, tmp_path)
    assert presence(model, tmp_path) is Presence.ABSENT
    assert pull(model, tmp_path).read_bytes() == DATA
    assert len(site.asked) == 1


# What nobody knows the digest of.


def test_a_file_of_unknown_digest_is_kept_back_until_the_user_vouches_for_it(site: Site, tmp_path: Path) -> None:
    model = network("net", urls=[site.serve("/f", DATA)])
    with pytest.raises(DigestUnknown, match=f"livecam models pull net --sha256 {digest(DATA)}") as caught:
        pull(model, tmp_path)
    assert (caught.value.sha256, caught.value.size) == (digest(DATA), len(DATA))
    assert presence(model, tmp_path) is Presence.ABSENT
    assert pull(model, tmp_path, digest(DATA)).read_bytes() == DATA
    assert len(site.asked) == 1
    assert presence(model, tmp_path) is Presence.PRESENT


def test_once_vouched_for_another_file_is_refused(site: Site, tmp_path: Path) -> None:
    model = network("net", urls=[site.serve("/f", DATA)])
    pull(model, tmp_path, digest(DATA)).unlink()
    site.serve("/f", WRONG)
    with pytest.raises(WeightsCorrupt, match="you vouched for"):
        pull(model, tmp_path, digest(WRONG))
    assert presence(model, tmp_path) is Presence.ABSENT


def test_a_page_is_not_offered_as_a_network(site: Site, tmp_path: Path) -> None:
    model = network("net", urls=[site.serve("/f", b"<html>Please log in</html>")])
    with pytest.raises(WeightsCorrupt, match="no ONNX file"):
        pull(model, tmp_path)


def test_a_file_put_there_by_hand_can_be_vouched_for(tmp_path: Path) -> None:
    model = network("net")
    path = model_path(model, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    with pytest.raises(DigestUnknown, match=str(path)):
        pull(model, tmp_path)
    assert pull(model, tmp_path, digest(DATA)) == path
    assert presence(model, tmp_path) is Presence.PRESENT


def test_the_users_word_does_not_stand_against_what_the_project_knows(site: Site, tmp_path: Path) -> None:
    model = network("net", DATA, urls=[site.serve("/f", WRONG)])
    with pytest.raises(WeightsCorrupt, match="the project knows"):
        pull(model, tmp_path, digest(WRONG))


# Archives.


def archive(**files: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as held:
        for name, data in files.items():
            held.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def test_files_out_of_one_archive_are_one_download(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(a=DATA, folder__b=WRONG))
    models = [network("first", DATA, urls=[f"{url}#a"]), network("second", WRONG, urls=[f"{url}#b"])]
    assert [pull(model, tmp_path).read_bytes() for model in models] == [DATA, WRONG]
    assert len(site.asked) == 1
    clear_archives(models, tmp_path)
    assert left(tmp_path) == {"first.onnx", "second.onnx", "digest.json"}


def test_names_in_an_archive_are_never_paths(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(**{"..__..__evil": DATA}))
    cache = tmp_path / "deep" / "cache"
    assert pull(network("net", DATA, urls=[f"{url}#evil"]), cache) == cache / "net" / "net.onnx"
    assert not (tmp_path / "evil").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}


def test_an_archive_bomb_is_stopped(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(a=b"\x08" * 50_000_000))
    with pytest.raises(DownloadFailed, match="more than 40,000 bytes"):
        pull(network("net", DATA, urls=[f"{url}#a"]), tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 1_000_000


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no archive", "damaged"),
        (archive(a=DATA)[:-30], "damaged"),
        (archive(other=DATA), "holds no a"),
        (archive(x__a=DATA, y__a=WRONG), "holds 2 a"),
        (archive(a=DATA).replace(DATA[100:200], WRONG[100:200]), "damaged"),
    ],
)
def test_bad_archives_are_refused_and_deleted(site: Site, tmp_path: Path, data: bytes, told: str) -> None:
    url = site.serve("/pack.zip", data)
    with pytest.raises(DownloadFailed, match=told):
        pull(network("net", DATA, urls=[f"{url}#a"]), tmp_path)
    assert not list(tmp_path.rglob("*.zip*")) or {path.parent.name for path in tmp_path.rglob("*.zip")} == {".locks"}


def test_a_kept_archive_that_went_bad_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    good = archive(a=DATA, b=WRONG)
    url = site.serve("/pack.zip", good)
    pull(network("first", DATA, urls=[f"{url}#a"]), tmp_path)
    (kept,) = (tmp_path / ".archives").glob("*.zip")
    kept.write_bytes(b"x" * len(good))
    assert pull(network("second", WRONG, urls=[f"{url}#b"]), tmp_path).read_bytes() == WRONG


def test_a_kept_archive_that_holds_another_file_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(a=DATA, b=content(8)))
    pull(network("first", DATA, urls=[f"{url}#a"]), tmp_path)
    site.serve("/pack.zip", archive(a=DATA, b=WRONG))
    assert pull(network("second", WRONG, urls=[f"{url}#b"]), tmp_path).read_bytes() == WRONG
    assert len(site.asked) == 2


def test_an_archive_in_use_is_left_alone(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(a=DATA))
    model = network("first", DATA, urls=[f"{url}#a"])
    pull(model, tmp_path)
    (kept,) = (tmp_path / ".archives").glob("*.zip")
    with store.reserved(kept.name, "other", tmp_path):
        clear_archives([model], tmp_path)
    assert kept.exists()


def test_a_cut_archive_goes_on(site: Site, tmp_path: Path) -> None:
    url = site.serve("/pack.zip", archive(a=DATA), cut(500), honest)
    assert pull(network("net", DATA, urls=[f"{url}#a"]), tmp_path).read_bytes() == DATA
    assert site.ranges == ["", "bytes=500-"]


# What a swapper needs.


def test_a_swapper_brings_what_it_needs() -> None:
    all_of_them = [swapper("swap", "recogniser", "converter"), network("recogniser"), network("converter")]
    models = {model.name: model for model in all_of_them}
    assert needed_by(models["swap"]) == ("recogniser", "converter")
    found = with_needed([models["converter"], models["swap"]], models.__getitem__)
    assert [model.name for model in found] == ["converter", "swap", "recogniser"]
