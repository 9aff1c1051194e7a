"""A page in the browser: a portrait in, its sketch out; a sketch in, the people who look most like it.

`Studio` does the work and knows nothing of the browser: it reads pictures, finds eyes, marks them, draws, looks for
people. `layout` is the page, in Gradio's parts; `serving` starts it for this machine alone and keeps nothing. Every
answer is made of what the browser sent, pictures and eyes, so visitors share nothing.

Start reading at `studio`, then `layout`.
"""

from pysketch.page.layout import Limits
from pysketch.page.serving import open_page
from pysketch.page.studio import Studio

__all__ = ["Limits", "Studio", "open_page"]
