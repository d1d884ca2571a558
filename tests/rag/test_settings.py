"""Settings: where they come from, which are refused, and that a key stays hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load_settings

NOWHERE = Path("no-such-file.toml")


def test_given_goes_before_environment_before_file_before_default(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    file.write_text('port = 1000\npassages = 5\nindex = "from-file"\n', encoding="utf-8")
    environ = {"ASKLABS_PORT": "2000", "ASKLABS_PASSAGES": "7", "OTHER": "x"}
    found = load_settings(environ, file, port=3000, host=None)
    assert (found.port, found.passages, found.index) == (3000, 7, Path("from-file"))
    assert found.host == "127.0.0.1"


def test_the_environment_is_read_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKLABS_PASSAGES", "9")
    assert load_settings(file=NOWHERE).passages == 9


def test_openai_s_own_names_are_read_and_empty_ones_are_not() -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": ""}
    found = load_settings(environ, NOWHERE)
    assert found.openai_api_key is not None
    assert found.openai_api_key.get_secret_value() == "k"
    assert found.openai_base_url is None


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, "extractive"),
        ({"OPENAI_API_KEY": "k"}, "openai:gpt-4.1-mini"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, "openai:gpt-4.1-mini"),
        ({"OPENAI_API_KEY": "k", "ASKLABS_MODEL": "extractive"}, "extractive"),
        ({"ASKLABS_MODEL": "openai:mine"}, "openai:mine"),
    ],
)
def test_a_key_or_address_turns_the_model_on(given: dict[str, str], model: str) -> None:
    assert load_settings(given, NOWHERE).answer_model == model


def test_an_unknown_setting_is_named_with_its_place_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"'pasages' \(ASKLABS_PASAGES\)\. Did you mean passages"
    ):
        load_settings({"ASKLABS_PASAGES": "3"}, NOWHERE)
    with pytest.raises(SettingsError, match=r"'xyz' \(ASKLABS_XYZ\)\. See README"):
        load_settings({"ASKLABS_XYZ": "3"}, NOWHERE)
    file = tmp_path / "asklabs.toml"
    file.write_text("prot = 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"'prot' \(prot in .*asklabs\.toml\)"):
        load_settings({}, file)


def test_empty_variables_are_none() -> None:
    named = {f"ASKLABS_{name.upper()}": "" for name in Settings.model_fields}
    assert load_settings(named, NOWHERE) == Settings()


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of-nobody")
    monkeypatch.setenv("USERPROFILE", "/home/of-nobody")
    found = load_settings({"ASKLABS_INDEX": "~/index"}, NOWHERE, login=Path("~/logins.txt"))
    assert found.index == Path("/home/of-nobody/index")
    assert found.login == Path("/home/of-nobody/logins.txt")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PASSAGES", "0"), ("PASSAGES", "many"), ("PORT", "70000"), ("TIMEOUT", "-1")],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"{name.lower()} is not usable.*Correct ASKLABS_{name}: "
    ):
        load_settings({f"ASKLABS_{name}": value}, NOWHERE)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    for data in (b"port = = 3", b"\xff\xfe"):
        file.write_bytes(data)
        with pytest.raises(SettingsError, match=r"asklabs\.toml: not valid TOML"):
            load_settings({}, file)


def test_a_wrong_value_in_the_file_or_of_an_option_is_named_there(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    file.write_bytes(b'\xef\xbb\xbfport = "x"\n')
    with pytest.raises(SettingsError, match=r"Correct port in .*asklabs\.toml: it is the port of"):
        load_settings({}, file)
    with pytest.raises(SettingsError, match=r"Correct --port: "):
        load_settings({}, file, port=-1)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    file.mkdir()
    with pytest.raises(SettingsError, match=r"asklabs\.toml: it can't be read .* permissions"):
        load_settings({}, file)


def test_a_wrong_value_never_shows_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"OPENAI_API_KEY": "sk-secret", "ASKLABS_PORT": "sk-secret"}, NOWHERE)
    assert "sk-secret" not in str(caught.value)


def test_a_key_or_address_from_a_file_loses_its_line_break() -> None:
    named = {"OPENAI_API_KEY": "sk-k\r\n", "OPENAI_BASE_URL": " http://localhost:1/v1\r"}
    found = load_settings(named, NOWHERE)
    assert found.openai_api_key is not None
    assert found.openai_api_key.get_secret_value() == "sk-k"
    assert found.openai_base_url == "http://localhost:1/v1"
    assert load_settings({"OPENAI_API_KEY": "\n"}, NOWHERE).openai_api_key is None


def test_a_key_that_can_not_be_sent_is_named_and_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"curly quotes\. Correct OPENAI_API_KEY") as caught:
        load_settings({"OPENAI_API_KEY": "“sk-secret”"}, NOWHERE)
    assert "sk-secret" not in str(caught.value)


def test_settings_are_frozen_and_hide_the_key() -> None:
    settings = Settings(openai_api_key="sk-secret")
    assert "sk-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_threads_are_the_cores_unless_given() -> None:
    assert Settings(threads=3).embedding_threads == 3
    assert Settings().embedding_threads >= 1
