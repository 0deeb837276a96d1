"""Gradio's theme: system fonts, one accent colour, quiet surfaces, light and dark.

Colours are the variables that style.css defines, once for light and once for dark.
"""

import gradio as gr

SYSTEM = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
MONOSPACE = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "Liberation Mono", "monospace"]

ACCENT = gr.themes.Color(
    c50="#eef2ff",
    c100="#e0e7ff",
    c200="#c7d2fe",
    c300="#a5b4fc",
    c400="#818cf8",
    c500="#5468e7",
    c600="#4453cf",
    c700="#3843ad",
    c800="#30398a",
    c900="#2b336d",
    c950="#1b1f43",
)


def _both(**light: str) -> dict[str, str]:
    """The same variable in the light and in the dark theme."""
    return {**light, **{f"{name}_dark": value for name, value in light.items()}}


THEME = gr.themes.Base(
    primary_hue=ACCENT,
    secondary_hue=ACCENT,
    neutral_hue=gr.themes.colors.stone,
    spacing_size=gr.themes.sizes.spacing_md,
    radius_size=gr.themes.sizes.radius_md,
    text_size=gr.themes.sizes.text_md,
    font=SYSTEM,
    font_mono=MONOSPACE,
).set(
    block_border_width="0px",
    block_title_text_weight="500",
    button_border_width="1px",
    button_large_text_weight="550",
    button_small_text_weight="500",
    button_large_text_size="15px",
    button_medium_text_size="14px",
    button_small_text_size="14px",
    panel_border_width="0px",
    input_border_width="1px",
    input_radius="8px",
    color_accent="var(--accent)",
    **_both(
        body_background_fill="var(--page)",
        body_text_color="var(--ink)",
        body_text_color_subdued="var(--ink-soft)",
        background_fill_primary="var(--surface)",
        background_fill_secondary="var(--page)",
        block_background_fill="var(--surface)",
        block_border_color="var(--line)",
        block_shadow="none",
        block_label_text_color="var(--ink-soft)",
        block_title_text_color="var(--ink)",
        block_info_text_color="var(--ink-soft)",
        border_color_primary="var(--line)",
        border_color_accent="var(--accent)",
        color_accent_soft="var(--accent-soft)",
        input_background_fill="var(--field)",
        input_border_color="var(--line-strong)",
        input_border_color_focus="var(--accent)",
        input_shadow_focus="0 0 0 3px var(--accent-soft)",
        input_placeholder_color="var(--ink-faint)",
        button_primary_background_fill="var(--accent-fill)",
        button_primary_background_fill_hover="var(--accent-fill-hover)",
        button_primary_text_color="#ffffff",
        button_primary_border_color="transparent",
        button_secondary_background_fill="var(--surface)",
        button_secondary_background_fill_hover="var(--hover)",
        button_secondary_text_color="var(--ink)",
        button_secondary_border_color="var(--line-strong)",
        slider_color="var(--accent)",
        link_text_color="var(--accent)",
        panel_background_fill="transparent",
    ),
)
