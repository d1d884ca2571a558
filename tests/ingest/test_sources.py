"""Files are found in folders and archives; whatever can't be read is named, the rest goes on."""

import io
import os
import random
import sys
import tarfile
from pathlib import Path

import pytest
from made_up import report, zipped

from ingest.sources import Unreadable, collect, printable, read_report
from rag.errors import InputError

TEXT = report("> Q?\n\nYes.")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links and names of POSIX")


def outcome(*paths: Path) -> dict[str, str]:
    """Name of each file found, with its text or the reason why there is none."""
    found = {}
    for source in collect(paths):
        try:
            found[source.name] = read_report(source.read())[0]
        except Unreadable as reason:
            found[source.name] = f"unreadable: {reason}"
    return found


def test_encodings_that_are_sure_are_read_and_bytes_that_are_no_report_say_why() -> None:
    assert read_report(b"[[a:b]]\r\nb\rc\n")[0] == "[[a:b]]\nb\nc\n"
    big = b"\xfe\xff" + "[[a:é]]".encode("utf-16-be")
    for data in ("\ufeff[[a:é]]".encode(), "[[a:é]]".encode("utf-16"), big):
        assert read_report(data)[0] == "[[a:é]]"
    for data, reason in (
        (b" \r\n\t", "empty"),
        ("déjà".encode("latin-1"), "UTF-8"),
        ("déjà".encode("utf-16")[:-1], "UTF-8"),
        ("plain".encode("utf-16-le"), "binary"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"x" * 6_000_000, "larger than 5 MB"),
        (b"# Read me", "Not a lab report"),
    ):
        with pytest.raises(Unreadable, match=reason):
            read_report(data)


def test_folders_are_searched_in_order_and_odd_paths_named(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.MD", "a/deep/er/c.markdown", "a/no.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    assert outcome(tmp_path) == {"b": TEXT, "z": TEXT, "c": TEXT}
    (tmp_path / "a.pdf").write_text("x")
    for name, hint in (("none", "There is no file"), ("a.pdf", "no report or archive")):
        with pytest.raises(InputError, match=hint):
            list(collect([tmp_path / name]))


@posix
def test_links_in_a_circle_and_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(TEXT)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.md").symlink_to(tmp_path / "self.md")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere.md")
    (tmp_path / "device.md").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.md")
    texts = outcome(tmp_path)
    assert texts.pop("good") == TEXT
    assert set(texts) == {"self", "gone", "device", "pipe"}
    assert all(text.startswith("unreadable: ") for text in texts.values())


@posix
def test_strange_names_are_safe_to_show_and_store(tmp_path: Path) -> None:
    for name in ("تقرير المختبر.md", "two\nlines.md", "esc\x1b[2J.md", "turn\u202egnp.md"):
        (tmp_path / name).write_text(TEXT)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/latin-\xe9.md")).write_text(TEXT)
    sources = list(collect([tmp_path]))
    names = {"تقرير المختبر", "two_lines", "esc_[2J", "turn_gnp", "latin-_"}
    assert {source.name for source in sources} == names
    for source in sources:
        assert source.label == printable(source.label)
        assert (source.label + source.name + source.place).encode()
        assert read_report(source.read())[0] == TEXT
    assert len({source.place for source in sources}) == 5


def pack(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        path.write_bytes(zipped(members))
        return path
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as tarred:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tarred.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_archives_are_read_in_place(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    good = ("../../outside.md", "/absolute.md", "in\\windows.md", "folder/تقرير.md")
    bad = {"picture.png": b"\x89PNG", "bomb.md": bytes(6_000_000), "nulls.md": bytes(4_000_000)}
    texts = outcome(pack(folder / name, dict.fromkeys(good, TEXT.encode()) | bad))
    assert texts.pop("bomb").startswith("unreadable: larger than 5 MB")
    assert texts.pop("nulls").startswith("unreadable: binary")
    assert texts == dict.fromkeys(("outside", "absolute", "windows", "تقرير"), TEXT)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [folder / name]


def test_links_in_a_tar_lead_nowhere_and_a_damaged_member_costs_itself_alone(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text(TEXT)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("secret.md")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    assert outcome(tmp_path / "a.tar") == {}
    path = pack(tmp_path / "a.zip", {"a.md": TEXT.encode(), "b.md": b"lorem " * 999})
    data = bytearray(path.read_bytes())
    data[data.find(b"b.md") + 8] ^= 0xFF
    path.write_bytes(data)
    texts = outcome(path)
    assert texts["a"] == TEXT
    assert texts["b"].startswith("unreadable: can't be unpacked")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_damaged_archive_is_named_and_the_rest_goes_on(tmp_path: Path, name: str) -> None:
    (tmp_path / "good.md").write_text(TEXT)
    (tmp_path / name).write_bytes(b"PK\x03\x04 this is none \x1f\x8b")
    texts = outcome(tmp_path / name, tmp_path / "good.md")
    assert texts.pop("good") == TEXT
    assert [text.startswith("unreadable: the archive") for text in texts.values()] == [True]
    noise = random.Random(7)
    packed = pack(tmp_path / name, {f"{n}.md": TEXT.encode() * (n + 1) for n in range(3)})
    intact = packed.read_bytes()
    for changes in [1, 2, 3, 4] * 12:
        data = bytearray(intact)
        for at in noise.sample(range(len(data)), changes):
            data[at] = noise.randrange(256)
        packed.write_bytes(data)
        outcome(packed)
