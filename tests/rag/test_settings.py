"""Settings: where they come from, which are refused, and that a key stays hidden."""

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load_settings

NO_FILE = Path("no-such-file.toml")


def test_options_go_before_environment_before_file_before_defaults(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    file.write_text('port = 1000\npassages = 5\nindex = "from-file"\n', encoding="utf-8")
    environ = {"ASKLABS_PORT": "2000", "ASKLABS_PASSAGES": "7", "OTHER": "x"}
    settings = load_settings(environ, file, port=3000, host=None)
    assert (settings.port, settings.passages, settings.index) == (3000, 7, Path("from-file"))
    assert settings.host == "127.0.0.1"
    # Empty variables are not set.
    environ = {f"ASKLABS_{name.upper()}": "" for name in Settings.model_fields}
    assert load_settings(environ | {"OPENAI_BASE_URL": ""}, NO_FILE) == Settings()


def test_a_key_or_address_turns_the_model_on() -> None:
    key, address = {"OPENAI_API_KEY": "k"}, {"OPENAI_BASE_URL": "http://localhost:1/v1"}
    for environ in ({}, key | {"ASKLABS_MODEL": "extractive"}):
        assert load_settings(environ, NO_FILE).answer_model == "extractive"
    for environ in (key, address):
        assert load_settings(environ, NO_FILE).answer_model == "openai:gpt-4.1-mini"
    # They lose the line break that a file of them has.
    broken = {"OPENAI_API_KEY": "k\r\n", "OPENAI_BASE_URL": " http://localhost:1/v1\r"}
    assert load_settings(broken, NO_FILE) == load_settings(key | address, NO_FILE)
    assert load_settings({"OPENAI_API_KEY": "\n"}, NO_FILE).openai_api_key is None


def test_addresses_without_a_place_for_the_report_s_name_are_refused() -> None:
    def loaded(template: str) -> str:
        return load_settings({"ASKLABS_REPORT_URL": template}, NO_FILE).report_url

    for template in ("", "https://labs.example/{report}?view=1", "http://127.0.0.1:8000/#{report}"):
        assert loaded(template) == template
    for template in (
        "https://labs.example/",
        "javascript:alert('{report}')",
        "https://labs.example@{report}/",
        "https://name:word@labs.example/{report}",
        "https://labs.example/{report}/{report}",
        'https://labs.example/{report}"onclick="x',
        "https://[::1/{report}",
    ):
        with pytest.raises(SettingsError, match=r"report_url.*\{report\}.*ASKLABS_REPORT_URL"):
            loaded(template)


def test_what_is_wrong_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "asklabs.toml"
    cases: list[tuple[dict[str, str], bytes, str]] = [
        ({"ASKLABS_PASAGES": "3"}, b"", r"'pasages' \(ASKLABS_PASAGES\)\. Did you mean passages"),
        ({"ASKLABS_OPENAI_API_KEY": "k"}, b"", r"\(ASKLABS_OPENAI_API_KEY\)\. Did you mean"),
        ({}, b"prot = 3", r"'prot' \(prot in .*asklabs\.toml\)\. Did you mean port"),
        ({"ASKLABS_PASSAGES": "0"}, b"", r"passages is not usable.*Correct ASKLABS_PASSAGES: "),
        ({}, b'\xef\xbb\xbfport = "x"', r"Correct port in .*asklabs\.toml: port of"),
        ({}, b"port = = 3", r"asklabs\.toml: not valid TOML"),
        ({}, b"\xff\xfe", r"asklabs\.toml: not valid TOML"),
    ]
    for environ, toml, message in cases:
        file.write_bytes(toml)
        with pytest.raises(SettingsError, match=message):
            load_settings(environ, file)
    with pytest.raises(SettingsError, match=r"Correct --port: "):
        load_settings({}, NO_FILE, port=-1)
    with pytest.raises(SettingsError, match=r"it can't be read .* permissions"):
        load_settings({}, tmp_path)


def test_a_key_or_an_address_of_a_database_is_never_shown() -> None:
    settings, key = Settings(openai_api_key="sk-secret"), {"OPENAI_API_KEY": "sk-secret"}
    assert "sk-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    for environ in (key | {"ASKLABS_PORT": "sk-secret"}, {"OPENAI_API_KEY": "“sk-secret”"}):
        with pytest.raises(SettingsError, match=r"Correct (ASKLABS_PORT|OPENAI_API_KEY)") as caught:
            load_settings(environ, NO_FILE)
        assert "sk-secret" not in str(caught.value)
    # A password may have any letters.
    address = "postgresql://ana:pässword@db/labs"
    database = load_settings({"ASKLABS_DATABASE": f"{address}\n"}, NO_FILE).database
    assert database
    assert database.get_secret_value() == address
    assert load_settings({"ASKLABS_DATABASE": "\n"}, NO_FILE).database is None
    # What differs tells of a database without its address.
    settings = Settings(passages=9, database="postgresql://ana:pw@db/labs", openai_api_key="sk-k")
    assert settings.changed == {"passages": "9", "database": "***"}
