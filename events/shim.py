from events.columns import Columns
from events.event import Purchase, Befriend, Unfriend


def _group(records):
    out = []
    run = []
    for r in records:
        if isinstance(r, (Purchase, Befriend, Unfriend)):
            run.append(r)
        else:
            if run:
                out.append(Columns.of(run))
                run = []
            out.append(r)
    if run:
        out.append(Columns.of(run))
    return out
