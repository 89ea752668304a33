#!/usr/bin/env python3
"""Chooses, of the inputs that fuzzing kept, those that are committed beside the seeds: where the next clone begins.

usage: keep.py FUZZER TARGET SEEDS INPUTS

What is in INPUTS and SEEDS/kept is given to the target once, and so are the seeds that were made by hand. SEEDS/kept
becomes what reaches most edges of the code beyond those for its bytes and then, where there is still room, what reaches
them most differently. A file is one input as it is fed, and bears the first digits of its SHA-256.
"""
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

FILES_MAX = 120
BYTES_MAX = 45_000
INPUT_BYTES_MAX = 4_096
# What a file costs whatever is in it: a short input is taken before many.
FILE_BYTES = 64


def features_of(fuzzer, target, names):
    """For each input what it reaches: numbers, of which eight that follow one another tell how often an edge was."""
    with tempfile.TemporaryDirectory(prefix="courant-keep-") as folder:
        control = pathlib.Path(folder) / "control"
        lines = [str(len(names)), "0", *map(str, names)]
        control.write_text("\n".join(lines) + "\n")
        # The part of libFuzzer's merge that runs inputs; 2 has it write all that each reaches, not what is new alone.
        flags = ["-merge_inner=2", f"-merge_control_file={control}", "-timeout=30", "-rss_limit_mb=2048"]
        outcome = subprocess.run([fuzzer, target, *flags], cwd=folder, capture_output=True)
        if outcome.returncode:
            sys.exit(f"an input ends the process: {outcome.stderr.decode(errors='replace')[-4000:]}")
        reached = {}
        for line in control.read_text().splitlines()[len(lines):]:
            kind, _, rest = line.partition(" ")
            if kind == "FT":
                number, *features = map(int, rest.split())
                reached[names[number]] = frozenset(features)
        assert len(reached) == len(names), "an input was not run to its end"
        return reached


def edges(features):
    return {feature >> 3 for feature in features}


def chosen(reached, seeds, candidates):
    """Greedily, in two rounds: first for edges, then for all that can be told apart."""
    known = set().union(*(reached[seed] for seed in seeds))
    sizes = {name: name.stat().st_size for name in candidates}
    picked, used = [], 0
    for view in (edges, frozenset):
        seen, views = view(known), {name: view(reached[name]) for name in candidates}
        while len(picked) < FILES_MAX:
            fitting = [name for name in candidates if name not in picked and used + sizes[name] <= BYTES_MAX]
            score = {name: len(views[name] - seen) / (sizes[name] + FILE_BYTES) for name in fitting}
            best = max(fitting, key=lambda name: (score[name], name.name), default=None)
            if best is None or score[best] == 0:
                break
            picked.append(best)
            used += sizes[best]
            known |= reached[best]
            seen |= views[best]
    return picked, known


def names_of_here():
    """What tells of this machine: libFuzzer puts into inputs what the program compares them with."""
    places = [os.getcwd(), os.path.expanduser("~"), socket.gethostname()]
    return [place.encode() for place in places if len(place) > 3 and place != "localhost"]


def main():
    fuzzer, target, folder, inputs = sys.argv[1:]
    folder = pathlib.Path(folder).resolve()
    kept = folder / "kept"
    seeds = sorted(path for path in folder.iterdir() if path.is_file())
    private, candidates = names_of_here(), {}
    places = [place for place in (kept, pathlib.Path(inputs)) if place.is_dir()]
    for path in sorted(path.resolve() for place in places for path in place.iterdir()):
        content = path.read_bytes()
        if len(content) <= INPUT_BYTES_MAX and not any(name in content for name in private):
            candidates[content] = path
    candidates = list(candidates.values())
    reached = features_of(os.path.abspath(fuzzer), target, seeds + candidates)
    picked, known = chosen(reached, seeds, candidates)
    contents = [path.read_bytes() for path in picked]
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for content in contents:
        (kept / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    by_hand = edges(set().union(*(reached[seed] for seed in seeds)))
    everything = edges(set().union(*reached.values()))
    print(f"{target}: {len(contents)} inputs of {len(candidates)}, {sum(map(len, contents))} bytes, "
          f"edges {len(by_hand)} by hand, {len(edges(known))} with these, {len(everything)} with all")


if __name__ == "__main__":
    main()
