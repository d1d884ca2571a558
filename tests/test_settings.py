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


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"no setting 'pasages'\. Did you mean passages"):
        load_settings({"ASKLABS_PASAGES": "3"}, NOWHERE)
    with pytest.raises(SettingsError, match=r"'xyz'. See README"):
        load_settings({"ASKLABS_XYZ": "3"}, NOWHERE)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PASSAGES", "0"), ("PASSAGES", "many"), ("PORT", "70000"), ("TIMEOUT", "-1")],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name.lower()} is not usable.*ASKLABS_{name}"):
        load_settings({f"ASKLABS_{name}": value}, NOWHERE)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    for data in (b"port = = 3", b"\xff\xfe"):
        file.write_bytes(data)
        with pytest.raises(SettingsError, match=r"asklabs\.toml: not valid TOML"):
            load_settings({}, file)


def test_a_wrong_value_never_shows_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"OPENAI_API_KEY": "sk-secret", "ASKLABS_PORT": "sk-secret"}, NOWHERE)
    assert "sk-secret" not in str(caught.value)


def test_settings_are_frozen_and_hide_the_key() -> None:
    settings = Settings(openai_api_key="sk-secret")
    assert "sk-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_threads_are_the_cores_unless_given() -> None:
    assert Settings(threads=3).embedding_threads == 3
    assert Settings().embedding_threads >= 1
