# SPDX-License-Identifier: Apache-2.0
"""frames_ratio, xrdp_relay_cpu_s and key_to_pixel_added_ms: what a person at xfreerdp notices.

The animation numbers its frames; what is counted are the different numbers seen in the client's own
framebuffer, with Sallyport and without, in interleaved rounds. The ratio is the lowest of those of
xrdp (bitmaps, RemoteFX) and freerdp-shadow (RemoteFX, AVC420). Keys go by XTEST into the client, and
a window in the target answers each with a flip of its colour.
"""
import json
import os
import statistics
import subprocess

from gate import Gate, target_entry
from lab import BUILD, FRAMES, FreeRdp, ShadowTarget, XrdpTarget, wait_for
from peers import service_cpu

ANIMATION = ('30', '640', '480')
KEYS = BUILD / 'tests/tools/keys'
CPU_SECONDS = 20  # what xrdp_relay_cpu_s is for
LIMITED_FPS = 0.7 * int(ANIMATION[0])  # below it, without us, the encoder decides what is seen
LIMITED_ROUNDS = 9  # what such a target needs, whose own rate changes by a factor from round to round


def watched(client, seconds):
    argv = [FRAMES, 'watch', client.display.framebuffer, str(seconds)]
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def frames_seen(client, target_env, seconds, cpu):
    """(frames per second at the client while the target draws, CPU seconds that cost)."""
    wait_for(lambda: client.process.alive(), what='xfreerdp')
    animation = subprocess.Popen([FRAMES, 'anim', str(seconds + 4), *ANIMATION], env=target_env,
                                 stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: watched(client, 0.5)['frames'], 20, 'the animation at the client')
        before = cpu()
        fps = watched(client, seconds)['fps']
        return fps, cpu() - before
    finally:
        animation.terminate()
        animation.wait()


def key_times(client, target_env, count):
    """Milliseconds from each key press at the client to the pixel that answers it."""
    window = subprocess.Popen([KEYS, 'target'], env=target_env)
    try:
        press = [KEYS, 'press', client.display.framebuffer]
        shown = subprocess.run([*press, '4'], env=client.display.env(), capture_output=True, text=True,
                               check=True)  # until the window is there
        shown = subprocess.run([*press, str(count)], env=client.display.env(), capture_output=True,
                               text=True, check=True)
    finally:
        window.terminate()
        window.wait()
    times = [float(line) for line in shown.stdout.split()]
    lost = sum(t < 0 for t in times)
    if lost * 4 > count:
        raise SystemExit(f'bench: {lost} of {count} keys were lost')
    return [t for t in times if t >= 0]


class Case:
    """One target with one way to draw, through Sallyport and direct."""

    def __init__(self, name, flags, nla, keys=False):
        self.name, self.flags, self.nla, self.keys = name, flags, nla, keys
        self.fps, self.cpu, self.key_ms = {}, [], {}

    def rounds(self, folder, target, target_env, seconds, rounds, presses):
        service = Gate(folder / 'gate', [target_entry('desk', target, verify='tofu', nla=self.nla)])
        sides = {'through': (service.port, 'demo', service.passwords['demo'], (), lambda: service_cpu(service)),
                 'direct': (target.port, target.user, target.password,
                            ('/sec:tls',) if self.nla == 'off' else (), lambda: 0)}
        try:
            number = 0
            while number < rounds or (rounds > 1 and self.is_limited() and number < LIMITED_ROUNDS):
                # Each side is first in turn, so that what warms up or wears off favours neither.
                for side in sorted(sides, reverse=number % 2 == 0):
                    port, user, password, more, cpu = sides[side]
                    client = FreeRdp(folder / f'{side}{number}', port, user, password, *self.flags, *more)
                    try:
                        client.wait_painted(target)
                        fps, spent = frames_seen(client, target_env(), seconds, cpu)
                        self.fps.setdefault(side, []).append(fps)
                        if side == 'through':
                            self.cpu.append(spent / seconds * CPU_SECONDS)
                        if self.keys:
                            self.key_ms.setdefault(side, []).extend(key_times(client, target_env(), presses))
                    finally:
                        client.stop()
                number += 1
        finally:
            service.stop()

    def is_limited(self):
        """Whether the encoder is what limits, judged without us: what we do cannot ask for more rounds."""
        return statistics.median(self.fps['direct']) < LIMITED_FPS

    def ratio(self):
        """Of medians; where the encoder limits, of all frames of all rounds, as a median of few is chance."""
        of = sum if self.is_limited() else statistics.median
        return round(of(self.fps['through']) / of(self.fps['direct']), 3)

    def figures(self):
        fps = {side: statistics.median(seen) for side, seen in self.fps.items()}
        found = {f'frames_{self.name}_fps': fps['through'], f'frames_{self.name}_direct_fps': fps['direct'],
                 f'frames_ratio_{self.name}': self.ratio(), f'frames_{self.name}_rounds': len(self.fps['direct']),
                 f'relay_cpu_s_{self.name}': round(statistics.median(self.cpu), 3)}
        if self.keys:
            ms = {side: statistics.median(times) for side, times in self.key_ms.items()}
            found |= {'key_to_pixel_added_ms': round(ms['through'] - ms['direct'], 2),
                      'key_to_pixel_ms': round(ms['through'], 2),
                      'key_to_pixel_direct_ms': round(ms['direct'], 2)}
        return found


def measure(folder, quick):
    rounds, presses = (1, 8) if quick else (3, 25)
    folder.mkdir(parents=True)
    targets = [(ShadowTarget, lambda t: t.display.env(),
                [Case('shadow_rfx', ['/rfx'], 'required'), Case('shadow_avc420', ['/gfx:AVC420'], 'required')])]
    if os.geteuid() == 0:
        targets.append((XrdpTarget, lambda t: t.x_env(),
                        [Case('xrdp', [], 'off', keys=True), Case('xrdp_rfx', ['/rfx'], 'off')]))
    figures = {}
    for start, env, cases in targets:
        target = start(folder / start.__name__)
        try:
            for case in cases:
                seconds = 4 if quick else CPU_SECONDS if case.keys else 10
                case.rounds(folder / case.name, target, lambda env=env, t=target: env(t), seconds, rounds,
                            presses)
                figures |= case.figures()
        finally:
            target.stop()
    figures['frames_ratio'] = min(v for k, v in figures.items() if k.startswith('frames_ratio_'))
    if 'relay_cpu_s_xrdp' in figures:
        figures['xrdp_relay_cpu_s'] = figures.pop('relay_cpu_s_xrdp')
    return figures
