"""A photo in, a sketch out.

A net file (`net_file`) is weights, netdef and preprocessing in one .h5: all that drawing needs. `Sketcher` builds the
net that draws and runs a photo through it, in tiles if it is large. `choice` says which faces of a photo are drawn,
`faces` brings each into the frame first, `targets` says which file each sketch goes to, `album` draws many photos.

Start reading at `sketcher`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "album": ["Pictures", "draw_album"],
        "choice": ["GIVE_EYES", "Choice", "Words", "check_align", "choose_faces"],
        "faces": ["draw_faces"],
        "net_file": ["read_net_file", "write_net_file"],
        "sketcher": ["DEPLOY", "Sketcher", "deploy_net", "steps_of"],
        "targets": ["Job", "numbered", "plan_jobs", "taken_names"],
    },
)
