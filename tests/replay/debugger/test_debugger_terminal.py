"""The debugger as a process: scripts through -c, a pipe and a terminal, to the letter."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import replay
from replay.cli import main
from replay.debugger.typed import history_path
from tests.replay.debugger.test_debugger import EXAMPLE, debugger_on
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = "flagged.json.events"
PROMPT = "(replay) "
PATIENCE_SECONDS = 60
COLUMNS = 1_000
WELCOME = "7 events, D=1 T=50; help lists the commands\nbefore event 1 of 7\n"

SCRIPTS = {
    "moving": """\
(replay) where
before event 1 of 7
(replay) next
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) next 3
event 4 of 7: 2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
(replay) back
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) back 2
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) goto 6
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
(replay) first
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) last
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) stream
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) goto 0
before event 1 of 7
(replay) next 99
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) back 99
before event 1 of 7
""",  # noqa: E501
    "messages": """\
(replay) goto 2
event 2 of 7: 2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
(replay) message
delivered: outside > urn:coordinator: Include event=event 3
waiting 1: urn:coordinator > urn:user:1: Apply purchases=(), befriended=(2), unfriended=(), since=2
waiting 2: urn:coordinator > urn:user:2: Apply purchases=(), befriended=(1), unfriended=(), since=2
inside event 3: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) user 2
user 2, number 1 in order of appearance
0 friends
0 purchases
(replay) message
delivered: urn:coordinator > urn:user:1: Apply purchases=(), befriended=(2), unfriended=(), since=2
waiting 1: urn:coordinator > urn:user:2: Apply purchases=(), befriended=(1), unfriended=(), since=2
inside event 3: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) next
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) back
event 2 of 7: 2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
(replay) goto 6
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
(replay) message
delivered: outside > urn:coordinator: Judge event=event 7
waiting 1: urn:coordinator > urn:user:2: AskFriends number=7
waiting 2: outside > urn:coordinator: Commit
inside event 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) message
delivered: urn:coordinator > urn:user:2: AskFriends number=7
waiting 1: urn:user:2 > urn:coordinator: Friends number=7, user=2, friends={1}
waiting 2: outside > urn:coordinator: Commit
inside event 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) why 1
event 1 (batch line 2, 2017-06-13 11:33:01)
user 1 bought for 16.83
network of degree 1: 0 users
window: 0 purchases, the last in it, of at most 50
n = 0
verdict: not flagged, because fewer than 2 purchases are no basis
(an event of the past, which the run did not judge)
(replay) message
no event is left
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) back
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
(replay) last
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) message
no event is left
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
""",  # noqa: E501
    "stops": """\
(replay) break flagged
stop 1: break flagged
(replay) break type purchase amount > 50
stop 2: break type purchase amount > 50
(replay) break user 3 befriend
stop 3: break user 3 type befriend
(replay) break rejected
stop 4: break rejected
(replay) break near 71
stop 5: break near 71
(replay) break 2
stop 6: break event 2
(replay) break near 70
stop 7: break near 70
(replay) watch 2
stop 8: watch 2
(replay) info break
stop 1: break flagged
stop 2: break type purchase amount > 50
stop 3: break user 3 type befriend
stop 4: break rejected
stop 5: break near 71
stop 6: break event 2
stop 7: break near 70
stop 8: watch 2
(replay) continue
stop 2: break type purchase amount > 50
stop 6: break event 2
event 2 of 7: 2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
(replay) continue
stop 8: watch 2
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) continue
stop 3: break user 3 type befriend
event 4 of 7: 2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
(replay) continue
stop 4: break rejected
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
(replay) continue
stop 1: break flagged
stop 2: break type purchase amount > 50
stop 5: break near 71
stop 8: watch 2
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) reverse-continue
stop 4: break rejected
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
(replay) reverse-continue
stop 3: break user 3 type befriend
event 4 of 7: 2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
(replay) goto 5
event 5 of 7: 2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
(replay) delete 3
deleted stop 3: break user 3 type befriend
(replay) clear 8
deleted stop 8: watch 2
(replay) reverse-continue
stop 2: break type purchase amount > 50
stop 6: break event 2
event 2 of 7: 2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
(replay) reverse-continue
no stop before
before event 1 of 7
(replay) delete all
deleted stop 1: break flagged
deleted stop 2: break type purchase amount > 50
deleted stop 4: break rejected
deleted stop 5: break near 71
deleted stop 6: break event 2
deleted stop 7: break near 70
(replay) info
no stops
no marks
(replay) continue
no stop ahead
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) reverse-continue
no stop before
before event 1 of 7
""",  # noqa: E501
    "looking": """\
(replay) goto 5
event 5 of 7: 2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
(replay) user 1
user 1, number 0 in order of appearance
2 friends: 2, 3
3 purchases
  event 1  2017-06-13 11:33:01  16.83
  event 2  2017-06-13 11:33:01  59.28
  event 5  2017-06-13 11:33:01  11.20
(replay) network 1
network of degree 1: 2 users
  1 away: 2: 2, 3
(replay) network 2 2
network of degree 2: 2 users
  1 away: 1: 1
  2 away: 1: 3
(replay) window 2
window: 3 purchases, the last in it, of at most 50
event  time                 user  amount  friend path
    1  2017-06-13 11:33:01  1      16.83  2 > 1
    2  2017-06-13 11:33:01  1      59.28  2 > 1
    5  2017-06-13 11:33:01  1      11.20  2 > 1
n = 3
mean = 29.10, sd = 21.46, both cut to 2 places
(replay) latest 2
event  time                 user  amount
    5  2017-06-13 11:33:01  1      11.20
    2  2017-06-13 11:33:01  1      59.28
(replay) list
          1  2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
          2  2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
          3  2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
          4  2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
=>        5  2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
          6  2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
          7  2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) list 1
          1  2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
          2  2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
          3  2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
          4  2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
=>        5  2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
          6  2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
(replay) history 3
          4  2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
          6  2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
(replay) diff 2
between event 2 and event 5: 3 users changed
user  new friends  lost friends  new purchases
1     2, 3                       11.20 (event 5)
2     1
3     1
(replay) diff 0 7
between the beginning and event 7: 2 users changed
user  new friends  lost friends  new purchases
1     2                          16.83 (event 1), 59.28 (event 2), 11.20 (event 5)
2     1                          1601.83 (event 7)
""",  # noqa: E501
    "explaining": """\
(replay) stream
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) why
event 7 (stream line 3, 2017-06-13 11:33:02)
user 2 bought for 1601.83
network of degree 1: 1 user
  1 away: 1: 1
window: 3 purchases, the last in it, of at most 50
event  time                 user  amount  friend path
    1  2017-06-13 11:33:01  1      16.83  2 > 1
    2  2017-06-13 11:33:01  1      59.28  2 > 1
    5  2017-06-13 11:33:01  1      11.20  2 > 1
n = 3
mean = 29.10, sd = 21.46, both cut to 2 places
threshold = mean + 3 sd = 93.488; the amount is above it, by 1508.342
verdict: FLAGGED
(replay) why 6
event 6: 1 is no friend any more of 3
2 networks changed
network of  came in  dropped out
1                    3
3                    1
(replay) trace
step  sender           receiver         message       content
   1  outside          urn:coordinator  Judge         event=event 7
   2  urn:coordinator  urn:user:2       AskFriends    number=7
   3  urn:user:2       urn:coordinator  Friends       number=7, user=2, friends={1}
   4  urn:coordinator  urn:user:1       AskPurchases  number=7, latest=3, since_time=, since_number=0
   5  urn:user:1       urn:coordinator  Purchases     number=7, user=1, purchases=(event 1, event 2, event 5)
   6  urn:coordinator  urn:sink         Judged        event=event 7, flagged=True, purchases=3, mean=29.10, sd=21.46
   7  urn:coordinator  urn:user:2       Apply         purchases=(event 7), befriended=(), unfriended=(), since=6
   8  outside          urn:coordinator  Commit
   9  urn:coordinator  urn:sink         Commit
(replay) trace 3
step  sender           receiver         message  content
   1  outside          urn:coordinator  Include  event=event 3
   2  urn:coordinator  urn:user:1       Apply    purchases=(), befriended=(2), unfriended=(), since=2
   3  urn:coordinator  urn:user:2       Apply    purchases=(), befriended=(1), unfriended=(), since=2
(replay) where
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
""",  # noqa: E501
    "marks": """\
(replay) goto 3
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) mark here
(replay) last
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) mark end
(replay) goto here
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) diff end
between event 3 and event 7: 2 users changed
user  new friends  lost friends  new purchases
1                                11.20 (event 5)
2                                1601.83 (event 7)
(replay) watch 1
stop 1: watch 1
(replay) info
stop 1: watch 1
mark here: event 3
mark end: event 7
(replay) save s
(replay) goto 0
before event 1 of 7
(replay) mark end
(replay) delete all
deleted stop 1: watch 1
(replay) load s
deleted mark end: event 0
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) info marks
mark here: event 3
mark end: event 7
(replay) goto end
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) info break
stop 1: watch 1
""",  # noqa: E501
    "words": """\
(replay) n
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) # of no effect; last
(replay) n 3; b 7; c
event 4 of 7: 2017-06-13 11:33:01, past, batch line 5: 3 befriended 1
stop 1: break event 7
stop 1: break event 7
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) i break
stop 1: break event 7
(replay) rc
no stop before
before event 1 of 7
(replay) rev
no stop before
before event 1 of 7
(replay) 'where'
before event 1 of 7
(replay) w; wh; bt; f
before event 1 of 7
before event 1 of 7
before event 1 of 7
before event 1 of 7
(replay)   last  ;; first;
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) h m
message
Deliver a single message of the next event, and show which wait.
What is looked at then shows the actors between two messages. Any command that moves,
and why and trace, deliver the rest first. To see the messages of the current event, go
back first.
""",  # noqa: E501
    "stopping and printing": """\
(replay) goto batch:3
event 2 of 7: 2017-06-13 11:33:01, past, batch line 3: 1 bought for 59.28
(replay) goto +1
event 3 of 7: 2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
(replay) goto -2
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
(replay) print
source = batch
line = 2
type = purchase
event = 1
time = 2017-06-13 11:33:01
user = 1
amount = 16.83
(replay) print amount * 2 - 0.66
33
(replay) print user = 1 and amount > 16
true
(replay) p amount
16.83
(replay) display amount
1: amount = 16.83
(replay) display n
2: n = (not of this event)
(replay) tbreak amount>50
stop 1: tbreak amount > 50
(replay) break user 1 if amount < 15
stop 2: break user 1 if amount < 15
(replay) ignore 1 1
stop 1: tbreak amount > 50, passed over once more
(replay) condition 2 purchase
stop 2: break user 1 if amount < 15, only if type purchase
(replay) info
stop 1: tbreak amount > 50, passed over once more
stop 2: break user 1 if amount < 15, only if type purchase
no marks
display 1: amount
display 2: n
(replay) continue
stop 2: break user 1 if amount < 15, only if type purchase
event 5 of 7: 2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
1: amount = 11.20
2: n = (not of this event)
(replay) continue
stop 1: tbreak amount > 50
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
2: n = 3
(replay) undisplay 2
(replay) first
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
1: amount = 16.83
(replay) until 6
stop 2: break user 1 if amount < 15, only if type purchase
event 5 of 7: 2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
1: amount = 11.20
(replay) until stream:3
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
(replay) up
#1 user 1, on 2 > 1 to event 5
(replay) network
network of degree 1: 1 user
  1 away: 1: 2
(replay) user
user 1, number 0 in order of appearance
1 friend: 2
3 purchases
  event 1  2017-06-13 11:33:01  16.83
  event 2  2017-06-13 11:33:01  59.28
  event 5  2017-06-13 11:33:01  11.20
(replay) down
#0 user 2, on 2 > 1 to event 5
(replay) history
          3  2017-06-13 11:33:01, past, batch line 4: 1 befriended 2
=>        7  2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
(replay) why
event 7 (stream line 3, 2017-06-13 11:33:02)
user 2 bought for 1601.83
network of degree 1: 1 user
  1 away: 1: 1
window: 3 purchases, the last in it, of at most 50
event  time                 user  amount  friend path
    1  2017-06-13 11:33:01  1      16.83  2 > 1
    2  2017-06-13 11:33:01  1      59.28  2 > 1
    5  2017-06-13 11:33:01  1      11.20  2 > 1
n = 3
mean = 29.10, sd = 21.46, both cut to 2 places
threshold = mean + 3 sd = 93.488; the amount is above it, by 1508.342
verdict: FLAGGED
(replay) goto 6
event 6 of 7: 2017-06-13 11:33:01, past, batch line 7: 1 unfriended 3
then stream line 2: rejected (not-json): expected one JSON object, found no JSON: 'not json'
1: amount = (not of this event)
(replay) message
delivered: outside > urn:coordinator: Judge event=event 7
waiting 1: urn:coordinator > urn:user:2: AskFriends number=7
waiting 2: outside > urn:coordinator: Commit
inside event 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
(replay) finish
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
(replay) condition 2
stop 2: break user 1 if amount < 15
(replay) delete all
deleted stop 2: break user 1 if amount < 15
(replay) break purchase
stop 1: break type purchase
(replay) first
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
1: amount = 16.83
(replay) continue 2
stop 1: break type purchase
event 5 of 7: 2017-06-13 11:33:01, past, batch line 6: 1 bought for 11.20
1: amount = 11.20
(replay) reverse-continue 2
stop 1: break type purchase
event 1 of 7: 2017-06-13 11:33:01, past, batch line 2: 1 bought for 16.83
1: amount = 16.83
(replay) source cmds
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
event 7 of 7: 2017-06-13 11:33:02, stream line 3: 2 bought for 1601.83: FLAGGED (n=3 mean=29.10 sd=21.46)
1: amount = 1601.83
true
(replay) ? fin
finish
Deliver the rest of the event's messages.
""",  # noqa: E501
    "help": """\
(replay) help
n, ni         next [K]            go forward by K events, by default 1
rn            back [K]            go back by K events, by default 1
              goto N|NAME         go to the moment after event N, or to a mark
              first               go to the first event
              last                go to the last event
              stream              go to the first event of the stream
c             continue [K]        go forward to the next stop, or to the end
rc            reverse-continue [K]
                                  go back to the stop before, or to the
                                  beginning
              until N|NAME        go forward to event N or a mark, or to a stop
                                  before it
              finish              deliver the rest of the event's messages
b             break CONDITION...  stop at events for which all conditions hold
              watch ID            stop when the state of this user changes,
                                  forward and backward
tb            tbreak CONDITION...
                                  stop there as with break, but only once
              condition K [CONDITION...]
                                  let stop K hold only where these conditions
                                  do, too
              ignore K COUNT      pass over stop K so many times
cl            delete [K|all]      delete breakpoint or watch K, or all of them
i             info [break|marks|display]
                                  list breakpoints and watches, marks, and what
                                  is displayed
              display [EXPRESSION...]
                                  show what an expression comes to at every
                                  moment
              undisplay [K]       display number K no more, or none
p, pp         print [EXPRESSION...]
                                  show what an expression comes to, or all
                                  fields of the event
m, s, si      message             deliver a single message of the next event,
                                  and show which wait
bt, f, w, wh  where               show event, time, phase and verdict
l             list [N]            list the events around N, by default around
                                  here
              user [ID]           show a user's friends and purchases, by
                                  default the event's own
              network [ID] [D]    show a user's network by hop, at degree D or
                                  the run's
              window [ID]         show what a purchase of this user would be
                                  judged by now
              latest [K]          show everyone's K latest purchases, by default
                                  10
              why [N]             explain event N, by default the current one
              up [N]              look at the next user on the way from the
                                  buyer to a purchase that why shows
              down                look at the user before it on that way
t             trace [N]           show every message of event N, by default of
                                  the current one
              diff N [M]          show what changed in the state between N and
                                  M, by default here
              history [ID]        list all events that touched a user, by
                                  default the event's own
              mark NAME           give this moment a name
              save FILE           save position, breakpoints, watches and marks
              load FILE           restore what was saved, in place of what there
                                  is
              source FILE         carry out the commands in a file
?, h          help [COMMAND]      list the commands, or say more of one
q             quit                end the session
A command may be cut short as long as it is clear which one is meant; several
stand on one line with ; between. On a terminal an empty line repeats the last
one if all in it moves or shows something, and Ctrl-C stops what takes long.
Words of pdb and gdb that mean a command here: nexti: next; reverse-next: back;
cont: continue; rev: reverse-continue; advance, unt: until; fin: finish; clear:
delete; disp: display; step, stepi: message; backtrace, frame: where; exit:
quit.
Answered with what to say instead: a, args, d, disable, enable, j, jump, k,
kill, ll, r, restart, ret, return, reverse-step, rs, run, start, u, x.
(replay) help break
break CONDITION...
Stop at events for which all conditions hold.
Conditions:
  N, event N                      event N
  user ID                         an event of ID
  rejected                        a rejected line comes next
  if EXPRESSION                   where it is true of the event, as print shows
                                  it; one comparison, as in event > 9, needs no
                                  if
  T, type T                       a purchase, a befriend or an unfriend
  flagged                         a purchase that was flagged
  amount SIGN X                   a purchase for > >= < <= or = X
  near X                          a purchase within X standard deviations of the
                                  threshold, on either side, by the recorded
                                  mean and sd
Example: break user 12 amount > 99.50
(replay) help quit
quit
End the session.
(replay) quit
""",
}


def steps_of(script: str) -> list[tuple[str, str]]:
    """Return the lines that a person types, each with what it prints."""
    typed = re.split(r"^\(replay\) ?(.*)\n", script, flags=re.MULTILINE)[1:]
    return list(zip(typed[::2], typed[1::2], strict=True))


def lines_of(script: str) -> list[str]:
    return [line for line, _ in steps_of(script)]


def printed_by(script: str) -> str:
    return "".join(printed for _, printed in steps_of(script))


ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(replay.__file__).parents[1]),
    "PYTHONUTF8": "1",
    "COLUMNS": str(COLUMNS),
    "LINES": "50",
    "TERM": "dumb",
    "INPUTRC": os.devnull,
}
STEP = [sys.executable, "-m", "replay", "step", STORE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the store of a run on the example."""
    made = tmp_path_factory.mktemp("example")
    run_in_process(EXAMPLE, made)
    (made / "cmds").write_text("# of no effect\nlast; where\n\nprint amount > mean + 3 * sd\n")
    return made


@pytest.fixture(autouse=True)
def store_is_only_read(folder: Path) -> Iterator[None]:
    before = (folder / STORE).read_bytes()
    yield
    assert (folder / STORE).read_bytes() == before


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STEP, *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def piped(folder: Path, text: str, *options: str) -> tuple[int, str, str]:
    """Return status, output and errors of a session that reads ``text`` from a pipe."""
    process = start(folder, *options)
    out, err = process.communicate(text, timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


class Terminal:
    """A session on a terminal of its own."""

    def __init__(self, folder: Path, store: str = STORE, options: tuple[str, ...] = ()) -> None:
        self.process, self._leader = pty.fork()
        if not self.process:
            os.chdir(folder)
            os.execve(sys.executable, [*STEP[:-1], store, *options], ENVIRONMENT)  # noqa: S606
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("4H", 50, COLUMNS, 0, 0))
        self.ended = False

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def read_until(self, end: str) -> str:
        """Return what is shown up to ``end``, which must come last, with plain newlines."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = b""
        while not seen.endswith(end.encode()):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._leader], [], [], max(left, 0))
            assert ready, f"expected {end!r}, found {seen!r}"
            seen += self._read()
            if self.ended and seen.endswith(end.encode()):
                break
            assert not self.ended, f"expected {end!r}, found the end after {seen!r}"
        lines = seen.decode().replace("\r\n", "\n").split("\n")
        return "\n".join(line.rstrip(" ") for line in lines).removesuffix(end.rstrip(" "))

    def __call__(self, line: str) -> str:
        """Type a line, and return what it prints before the next prompt."""
        self.type(f"{line}\n")
        echo, _, printed = self.read_until(PROMPT).partition("\n")
        assert echo == line.rstrip(" ")
        return printed

    def interrupt(self) -> str:
        """Press Ctrl-C, and return what that prints before the next prompt.

        Python overlooks a signal in the moment before it waits for a key, so a person
        whose Ctrl-C has no effect presses it again.
        """
        ready: list[int] = []
        while not ready:
            self.type("\x03")
            ready, _, _ = select.select([self._leader], [], [], 2)
        return self.read_until(PROMPT)

    def status(self) -> int:
        """Read on to the end, and return the exit status."""
        while not self.ended:
            ready, _, _ = select.select([self._leader], [], [], PATIENCE_SECONDS)
            assert ready, "expected the session to end"
            self._read()
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def close(self) -> None:
        os.close(self._leader)

    def _read(self) -> bytes:
        try:
            chunk = os.read(self._leader, 65_536)
        except OSError:
            # How Linux says that nobody holds the other end any more.
            chunk = b""
        self.ended = not chunk
        return chunk


@pytest.fixture(scope="module")
def terminal(folder: Path) -> Iterator[Terminal]:
    """Return a session at its first prompt; `anew` brings it back there."""
    opened = Terminal(folder)
    assert opened.read_until(PROMPT) == WELCOME
    assert opened("save fresh") == ""
    yield opened
    opened.type("quit\n")
    assert opened.status() == 0
    opened.close()


@pytest.fixture
def anew(terminal: Terminal) -> Terminal:
    assert terminal("load fresh").endswith("before event 1 of 7\n")
    return terminal


# Scripts, three ways


def test_every_command_stands_in_a_script() -> None:
    with debugger_on(EXAMPLE) as debugger:
        commands = debugger.commands
    found = set()
    for script in SCRIPTS.values():
        for line in lines_of(script):
            words = [part.split()[0].strip("'") for part in line.split(";") if part.strip()]
            found |= {commands.named(word).name for word in words if not line.startswith("#")}
    assert found == {command.name for command in commands.all}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_in_an_option_prints_what_it_should(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    lines = lines_of(SCRIPTS[name])
    # A remark is a line of its own.
    between = "\n" if name == "words" else "; "
    assert main(["step", STORE, "-c", between.join(lines)]) == 0
    assert tuple(capsys.readouterr()) == (printed_by(SCRIPTS[name]), "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_from_a_pipe_prints_what_it_should(folder: Path, name: str) -> None:
    script = SCRIPTS[name]
    assert piped(folder, "\n".join(lines_of(script))) == (0, printed_by(script), "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_typed_at_a_terminal_prints_what_it_should(
    anew: Terminal, folder: Path, name: str
) -> None:
    # What the other ways have saved would be asked about.
    (folder / "s").unlink(missing_ok=True)
    for line, printed in steps_of(SCRIPTS[name]):
        if line != "quit":
            assert anew(line) == printed


# How a session ends


def test_option_of_a_process_is_carried_out_and_standard_input_left_alone(folder: Path) -> None:
    script = "break flagged; continue; quit; first"
    status, out, err = piped(folder, "next\n", "-c", script)
    assert (status, err) == (0, "")
    assert re.fullmatch(r"(stop 1: break flagged\n){2}event 7 of 7: .*FLAGGED.*\n", out)


@pytest.mark.parametrize("between", ["\n", "; "])
def test_wrong_command_ends_a_piped_script_with_status_2(folder: Path, between: str) -> None:
    status, out, err = piped(folder, between.join(["first", "goto 8", "last"]))
    assert (status, out.count("\n"), out[:12]) == (2, 1, "event 1 of 7")
    assert err == "replay: expected a position from 0 to 7, found 8\n"


@pytest.mark.parametrize("between", ["\n", "; "])
def test_wrong_command_ends_an_option_with_status_2(
    folder: Path, between: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["step", str(folder / STORE), "-c", between.join(["first", "z", "last"])]) == 2
    out, err = capsys.readouterr()
    assert (out.count("\n"), out[:12]) == (1, "event 1 of 7")
    assert err == "replay: expected a command, found 'z'; help lists them\n"


def test_person_may_go_on_after_a_wrong_command(anew: Terminal) -> None:
    assert anew("goto 8") == "replay: expected a position from 0 to 7, found 8\n"
    assert anew("") == "replay: expected a position from 0 to 7, found 8\n"
    assert anew("first; nonsense; last").endswith(
        "\nreplay: expected a command, found 'nonsense'; help lists them\n"
    )
    assert anew("where").startswith("event 1 of 7")


def test_bytes_that_are_no_text_are_an_error_of_their_command(folder: Path) -> None:
    finished = subprocess.run(
        STEP,
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8:strict"},
        input=b"first\nuser \xff\nlast\n",
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (finished.returncode, finished.stdout[:12]) == (2, b"event 1 of 7")
    assert finished.stderr == (
        b"replay: expected a user who has appeared by event 1, found '\\udcff'\n"
    )


def test_standard_input_that_is_closed_is_one_clear_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["step", str(folder / STORE)]) == 2
    assert capsys.readouterr().err == (
        "replay: standard input: expected commands (or use -c), found it closed\n"
    )


def test_ctrl_c_ends_a_piped_session_with_status_130(folder: Path) -> None:
    process = start(folder)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("where\n")
    process.stdin.flush()
    assert process.stdout.readline() == "before event 1 of 7\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out, err) == (130, "", "replay: interrupted\n")


@pytest.mark.slow
def test_ctrl_c_at_the_prompt_drops_the_line_and_ctrl_d_ends_the_session(
    tmp_path: Path,
) -> None:
    run_in_process(EXAMPLE, tmp_path)
    path = tmp_path / STORE
    path.write_bytes(path.read_bytes()[:-3])
    opened = Terminal(tmp_path)
    shown = opened.read_until(PROMPT)
    assert "the frame is cut short; its" in shown
    assert shown.endswith(f"7 events before it are shown\n{WELCOME}")
    opened.type("las")
    assert opened.read_until("las") == ""
    assert opened.interrupt() == "^C\n"
    assert opened("where") == "before event 1 of 7\n"
    opened("nonsense")
    opened.type("\x04")
    assert opened.status() == 0
    opened.close()


# Keys


def test_arrow_up_brings_the_last_line_back(anew: Terminal) -> None:
    anew("goto 3")
    anew("where")
    anew.type("\x1b[A\x1b[A\n")
    shown = anew.read_until(PROMPT)
    assert shown.splitlines()[-1].startswith("event 3 of 7")
    assert "goto 3" in shown


def test_tab_completes_a_command_a_condition_and_a_user(anew: Terminal) -> None:
    anew.type("rev\t")
    assert anew.read_until("continue") == "reverse-"
    anew.type("\n")
    assert anew.read_until(PROMPT) == "\nno stop before\nbefore event 1 of 7\n"
    anew.type("first; b rej\t")
    assert anew.read_until("ected") == "first; b rej"
    anew.type("\n")
    assert anew.read_until(PROMPT).endswith("\nstop 1: break rejected\n")
    anew("mark the-beginning")
    anew.type("goto the-b\t")
    assert anew.read_until("eginning") == "goto the-b"
    anew.type("\n")
    assert anew.read_until(PROMPT).splitlines()[-1].startswith("event 1 of 7")


def test_table_on_a_terminal_leaves_what_looks_like_an_emoji_code_alone(tmp_path: Path) -> None:
    run_in_process(
        EXAMPLE._replace(stream=SPEC_EXAMPLE.stream.replace(b'"2"', b'":heart:"')), tmp_path
    )
    opened = Terminal(tmp_path)
    opened.read_until(PROMPT)
    assert opened("last; latest 1").split()[-2:] == [":heart:", "1601.83"]
    opened.type("quit\n")
    assert opened.status() == 0
    opened.close()


def test_what_was_typed_comes_back_with_the_arrow_in_the_next_session(folder: Path) -> None:
    for typed, option in (("break user 3", ()), ("goto 2", ("--no-history",))):
        session = Terminal(folder, options=option)
        session.read_until(PROMPT)
        session(typed)
        session.type("quit\n")
        assert session.status() == 0
        session.close()
    lines = history_path().read_text().splitlines()
    assert lines[-2:] == ["break user 3", "quit"]
    session = Terminal(folder)
    session.read_until(PROMPT)
    # Ctrl-P goes back by a line, as the arrow does.
    session.type("\x10\x10\n")
    shown = session.read_until(PROMPT)
    assert "break user 3" in shown
    assert shown.endswith("stop 1: break user 3\n")
    session.type("quit\n")
    assert session.status() == 0
    session.close()
