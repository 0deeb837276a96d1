"""What a person sees. Gradio stands only here."""
