"""Colours, fonts and css of the page, for light and dark; system fonts only, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

# Every pair of text and ground that the page uses keeps a contrast of 4.5 or more (WCAG AA).
LIGHT = {
    "paper": "#ffffff",
    "wash": "#f3f6f6",
    "ink": "#14211f",
    "quiet": "#51605d",
    "line": "#d5dedc",
    "edge": "#7b8a87",
    "accent": "#0b5a62",
    "on-accent": "#ffffff",
    "tint": "#e0efee",
    "mark": "#ffe38a",
    "on-mark": "#14211f",
    "alert": "#8f2f16",
}
DARK = {
    "paper": "#131a19",
    "wash": "#0e1413",
    "ink": "#e4ebe9",
    "quiet": "#a2b1ad",
    "line": "#2a3634",
    "edge": "#6f807c",
    "accent": "#86d0cb",
    "on-accent": "#08201f",
    "tint": "#1a3331",
    "mark": "#6a5200",
    "on-mark": "#fff4cf",
    "alert": "#f2a58c",
}
STATIC = Path(__file__).parents[1] / "static"
# Each has a style sheet and a script; the sheet of the page comes first.
AREAS = ("page", "exports", "filters", "reading", "views", "history", "uploads")
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
# The sign of the product is its unit of trust: a numbered citation.
FAVICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect "
    "width='32' height='32' rx='7' fill='%230b5a62'/%3E%3Cpath d='M10 8H7v16h3M22 8h3v16h-3M14 "
    "12l3-2v12' fill='none' stroke='white' stroke-width='2.4'/%3E%3C/svg%3E"
)


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{name}: {value};" for name, value in palette.items())


def theme() -> gr.themes.Base:
    """Gradio's own parts in the page's colours."""
    colours = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--quiet)",
        "background_fill_primary": "var(--paper)",
        "background_fill_secondary": "var(--wash)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "color_accent_soft": "var(--tint)",
        "block_background_fill": "transparent",
        "block_label_text_color": "var(--quiet)",
        "block_title_text_color": "var(--ink)",
        "block_border_width": "0px",
        "input_background_fill": "var(--paper)",
        "input_background_fill_focus": "var(--paper)",
        "input_border_width": "1px",
        "input_border_color": "var(--edge)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--quiet)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent)",
        "button_primary_border_color": "var(--accent)",
        "button_primary_border_color_hover": "var(--accent)",
        "button_primary_text_color": "var(--on-accent)",
        "button_secondary_background_fill": "transparent",
        "button_secondary_background_fill_hover": "var(--tint)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_border_color": "var(--edge)",
    }
    base = gr.themes.Base(font=SANS, font_mono=["ui-monospace", "monospace"], radius_size="sm")
    # The variables switch between light and dark by themselves, so both modes get the same.
    known = base.__dict__
    both = colours | {f"{k}_dark": v for k, v in colours.items() if f"{k}_dark" in known}
    return base.set(**both)


def head() -> str:
    """What the page's head needs: its icon, its style, its scripts.

    The style stands here because Gradio's own css argument rewrites selectors, and some wrongly.
    """
    colours = f":root {{{_variables(LIGHT)}}}\n.dark {{{_variables(DARK)}}}"
    css = "\n".join([colours, *(_text(f"{area}.css") for area in AREAS)])
    scripts = "".join(f"<script>{_text(f'{area}.js')}</script>" for area in AREAS)
    return f'<link rel="icon" href="{FAVICON}"><style>{css}</style>{scripts}'


def _text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
