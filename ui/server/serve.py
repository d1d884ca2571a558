"""Starts and stops the page; nothing that is slow to import is loaded before it can listen."""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import inspect
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import AskLabsError, IndexMissing, SettingsError
from rag.settings import Settings
from ui.server import log
from ui.server.login import Logins, Secret
from ui.server.room import WAITING, WRITTEN, Room

if TYPE_CHECKING:
    import gradio as gr

    from rag.engine import Engine

_REASONS = {
    errno.EADDRINUSE: "another program uses the port. Choose another with --port.",
    errno.EACCES: "ports below 1024 are the system's. Choose another with --port.",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose another with --host: 127.0.0.1 "
    "for this machine alone, 0.0.0.0 for the network.",
}
SWITCH = 0.0005  # seconds for which a thread may compute while others wait for the interpreter
_MOST_POOLS = -8  # of memory: M_ARENA_MAX of glibc; other systems have no such option
# Visits whose conversation is held, some 1 MB each; beyond it, those that were idle longest go.
MOST_VISITS = 500
_log = logging.getLogger(__name__)


def start(settings: Settings) -> None:
    """Serve the page over an index until Ctrl+C.

    Raises an AskLabsError where nothing can listen, or the index or a file of logins can't be used.
    """
    log.set_up(settings)
    # A file of the index that shrinks under it ends the process: then standard error says where.
    faulthandler.enable()
    # Services and containers are stopped by SIGTERM; the first process of a container ignores it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logins = Logins(settings.login) if settings.login else {}
    keys = Logins(settings.api_keys, "key") if settings.api_keys else {}
    # numpy's libraries, not loaded yet, compute each answer on one core: several visitors' answers
    # keep all cores busy, and more threads would only slow each of them.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # The threads of tokenizers would not be there in a fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # By default each thread has a pool of memory of its own, which keeps what its answers needed.
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_MOST_POOLS, 1)
    # Gradio looks for it on the disk again and again, in the thread that answers requests.
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]  # it is not there
    # It would compute a table of all events anew with each one, for a page that is closed here.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    check_address(settings.host, settings.port)
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    # Imported here, because they take seconds and load numpy, which then reads its threads.
    from rag.engine import open_engine
    from rag.index.local import current_version

    if settings.page_ingest and not settings.database:
        try:
            current_version(settings.index)
        except IndexMissing:  # Reports come through the page.
            from ingest.sync import sync

            sync([], settings)
    engine = open_engine(settings)
    # Gradio's own lies where all users of a machine have one, and only one of them may write.
    temporary = tempfile.mkdtemp(prefix="asklabs-")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(temporary).resolve()))
    _import_gradio()
    from ui.server.helper import HelpedEngine, can_help
    from ui.web.app import build_app

    if can_help(engine):
        engine = HelpedEngine(engine)
    room = Room(engine)
    page = build_app(engine, room)
    # The server's thread gives the interpreter away at each read and write of a socket; those that
    # compute keep it for so long.
    sys.setswitchinterval(SWITCH)
    address = launch(page, engine, room, logins, keys)
    gc.freeze()
    # Commands collect seldom; what failed requests leave, open files too, is to go soon, as usual.
    gc.set_threshold(700, 10, 10)
    threading.Thread(target=_read_ahead, args=(engine, room), daemon=True).start()
    _log_start(engine, address, len(logins))
    print(f"Ask the Labs is at {address} (Ctrl+C stops it)", flush=True)
    try:
        while page.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    stop(page)
    shutil.rmtree(temporary, ignore_errors=True)
    # Answers and surveys may still be computed: libraries that work while Python takes itself
    # apart crash. All that is kept is on the disk by now.
    logging.shutdown()
    os._exit(0)


def stop(page: gr.Blocks) -> None:
    """Close the server of a page."""
    try:
        page.close(verbose=False)
    except RuntimeError:
        # Gradio wakes its heartbeats from this thread, and fails where one begins at that moment.
        page.server.close()  # type: ignore[no-untyped-call]


def _import_gradio() -> None:
    """Import Gradio without the type stubs that it makes for editors, a third of that time."""
    getfile = inspect.getfile

    def of_no_class(sought: Any) -> str:
        # It makes none of a component that is in no file.
        if inspect.isclass(sought):
            raise OSError
        return getfile(sought)

    inspect.getfile = of_no_class  # type: ignore[assignment]
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = getfile


def _read_ahead(engine: Engine, room: Room) -> None:
    """Read what answers are made from, and keep it from being looked at for what can go."""
    from rag.query import gloss
    from ui.server.helper import HelpedEngine
    from ui.web.suggestions import Suggestions

    with suppress(AskLabsError):
        gloss.read_ahead(engine.catalog)
        # A database is not copied before somebody asks for that.
        if not engine.settings.database:
            if isinstance(engine, HelpedEngine):
                engine.await_reading()
            engine.report_measure().read_ahead(lambda: room.is_empty)
        Suggestions(engine).try_all(lambda: room.is_empty)
    gc.collect()
    # A collection stops all threads, for as long as there are objects to look at.
    gc.freeze()


def _log_start(engine: Engine, address: str, logins: int) -> None:
    from ingest.uploads import older_index

    settings = engine.settings
    log.event(
        "start",
        "ready",
        version=version("ask-the-labs"),
        address=address,
        host=settings.host,
        root_path=settings.root_path,
        index=settings.index.absolute(),
        fingerprint=engine.revision,
        reports=len(engine.catalog.reports),
        model=settings.answer_model,
        logins=logins or "none",
    )
    if not logins and settings.host not in ("127.0.0.1", "localhost", "::1", "[::1]"):
        text = "Everybody who reaches %s, port %s, may use the page: ASKLABS_LOGIN names no logins."
        _log.warning(text, settings.host, settings.port)
    if older := older_index(settings):
        _log.warning(older)


def launch(
    page: gr.Blocks,
    engine: Engine,
    room: Room,
    logins: Mapping[str, Secret],
    keys: Mapping[str, Secret],
) -> str:
    """Start the page of an engine in the background; its address, or a SettingsError.

    With `logins`, only they see the page or reach what is behind it. Programs may ask the engine in
    the page's `room`, with one of the `keys` where there are any, or logins.
    """
    from uvicorn.config import HTTP_PROTOCOLS

    from ingest.uploads import LARGEST_UPLOAD
    from ui.server.guard import Connection
    from ui.server.routes import HANDLERS, lifespan
    from ui.web.layout import head, theme, translations

    settings = engine.settings
    host, port, guarded = settings.host, settings.port, lifespan(engine, room, logins, keys)
    HTTP_PROTOCOLS["auto"] = f"{Connection.__module__}:{Connection.__name__}"
    for kind in {type(block) for block in page.blocks.values()}:
        # Gradio looks at these for each part of each visit: found once, they take half the time.
        for made in (kind.__init__, getattr(kind.__init__, "__wrapped__", kind.__init__)):
            vars(made)["__signature__"] = inspect.signature(made)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            app_kwargs={"lifespan": guarded, "exception_handlers": HANDLERS},
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            # Those that wait take none.
            state_session_capacity=MOST_VISITS,
            max_threads=WAITING + 2 * WRITTEN + 20,
            # Without it Gradio takes the root path of an environment variable.
            root_path=settings.root_path,
            max_file_size=LARGEST_UPLOAD if settings.page_ingest else 1,
            theme=theme(),
            head=head(),
            i18n=translations(),
        )
    except OSError as error:
        # Gradio only says that it found no port; the address was free a moment ago.
        raise _occupied(host, port, errno.EADDRINUSE) from error
    return str(address).rstrip("/")


def check_address(host: str, port: int) -> None:
    """Raise a SettingsError where nothing can listen, before what takes seconds is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), port), family=family).close()
    except OSError as error:
        # The numbers of errors of unknown names are others.
        code = None if isinstance(error, socket.gaierror) else error.errno
        raise _occupied(host, port, code) from error


def _occupied(host: str, port: int, code: int | None) -> SettingsError:
    reason = _REASONS.get(code or 0, _REASONS[errno.EADDRNOTAVAIL])
    return SettingsError(f"The page can't listen on {host}, port {port}: {reason}")
