"""A page in the browser: a portrait in, its sketch out; a sketch in, the people who look most like it.

`Studio` does the work and knows nothing of the browser: it reads pictures, finds eyes, marks them, draws, looks for
people. `layout` is the page, in Gradio's parts; `serving` starts it for this machine alone and keeps nothing. Every
answer is made of what the browser sent, pictures and eyes, so visitors share nothing.

Start reading at `studio`, then `layout`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "layout": ["Limits"],
        "serving": ["open_page"],
        "studio": ["Studio"],
    },
)
