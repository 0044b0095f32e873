"""Files, folders and links of others, which no command may change."""

import os
from pathlib import Path

from hypothesis import strategies as st

from dcgan.errors import FaceCompletionError

CONTENTS = (b"", b"theirs", b"{}", b"{}\n", b'{"input": "a.png"}', b'{"settings": {}}\n{"photograph": 1}\n', b"\0\0")
KINDS = ("file", "file", "file", "folder", "link to a file", "link to a folder", "broken link")


def foreign_trees(names):
    """Draw what lies in a folder: for some of the names, each a relative path, a kind and a content."""
    entry = st.tuples(st.sampled_from(KINDS), st.sampled_from(CONTENTS))
    return st.dictionaries(st.sampled_from([*names, "notes.txt", "mine/a.png"]), entry, min_size=1, max_size=4)


def without_unfinished(tree, records):
    """Leave out what, in a folder with our mark, is a record that was stopped before its first line."""
    return {name: entry for name, entry in tree.items() if name not in records or entry[1].strip(b"\0")}


def plant(folder, tree):
    """Make the files, folders and links; targets of links lie beside the folder. Names that are taken are left out."""
    targets = folder.parent / "targets"
    targets.mkdir(exist_ok=True)
    for number, (name, (kind, content)) in enumerate(sorted(tree.items())):
        path, target = folder / name, targets / str(number)
        parents = [folder / above for above in Path(name).parents]
        if os.path.lexists(path) or any(above.is_symlink() or above.is_file() for above in parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "file":
            path.write_bytes(content)
        elif kind == "folder":
            path.mkdir()
            (path / "a.png").write_bytes(content)
        else:
            if kind == "link to a file":
                target.write_bytes(content)
            elif kind == "link to a folder":
                target.mkdir()
                (target / "a.png").write_bytes(content)
            path.symlink_to(target)


def snapshot(folder):
    """Return every file's bytes and every link's target in a folder, and the names of its folders."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            path = Path(parent, name)
            if path.is_symlink():
                found[str(path)] = os.readlink(path)
            else:
                found[str(path)] = path.read_bytes() if path.is_file() else None
    return found


def assert_kept(before, folder):
    """Check that everything of an earlier snapshot is still there, to the byte."""
    after = snapshot(folder)
    assert {name: after.get(name, "gone") for name in before} == before


def message_of(function, *arguments, **options):
    """Call a function and return the message of the error that it raises, an empty one where it raises none."""
    try:
        function(*arguments, **options)
    except FaceCompletionError as error:
        return str(error)
    return ""
