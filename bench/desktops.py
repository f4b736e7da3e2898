# SPDX-License-Identifier: Apache-2.0
"""frames_ratio: frames of a 30 fps animation that reach xfreerdp, with Sallyport and without.

The animation numbers its frames; what is counted are the different numbers seen in the client's own
framebuffer. Targets: xrdp (Xorg, bitmap updates) and freerdp-shadow with RemoteFX. Rounds are
interleaved; the figure is the lower of the two ratios of medians.
"""
import json
import os
import statistics
import subprocess

from gate import Gate, target_entry
from lab import FRAMES, FreeRdp, ShadowTarget, XrdpTarget, wait_for

ANIMATION = ('30', '640', '480')


def frames_seen(client, target_env, seconds):
    """Frames per second at the client while the target draws."""
    wait_for(lambda: client.process.alive(), what='xfreerdp')
    animation = subprocess.Popen([FRAMES, 'anim', str(seconds + 3), *ANIMATION], env=target_env,
                                 stdout=subprocess.DEVNULL)
    try:
        first = [FRAMES, 'watch', client.display.framebuffer, '0.5']
        wait_for(lambda: watched(first)['frames'], 20, 'the animation at the client')
        return watched([FRAMES, 'watch', client.display.framebuffer, str(seconds)])['fps']
    finally:
        animation.terminate()
        animation.wait()


def watched(argv):
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def compare(folder, target, target_env, flags, nla, seconds, rounds):
    """Medians of frames per second: (through Sallyport, direct)."""
    service = Gate(folder / 'gate', [target_entry('desk', target, verify='tofu', nla=nla)])
    through, direct = [], []
    try:
        for number in range(rounds):
            for seen, port, user, password, more in (
                    (through, service.port, 'demo', service.passwords['demo'], ()),
                    (direct, target.port, target.user, target.password,
                     ('/sec:tls',) if nla == 'off' else ())):
                client = FreeRdp(folder / f'client{number}-{port}', port, user, password, *flags, *more)
                try:
                    client.wait_painted(target)
                    seen.append(frames_seen(client, target_env(), seconds))
                finally:
                    client.stop()
    finally:
        service.stop()
    return statistics.median(through), statistics.median(direct)


def measure(folder, quick):
    seconds, rounds = (4, 2) if quick else (15, 3)
    folder.mkdir(parents=True)
    figures = {}
    cases = [('shadow_rfx', ShadowTarget, ['/rfx'], 'required', lambda t: t.display.env())]
    if os.geteuid() == 0:
        cases.append(('xrdp', XrdpTarget, [], 'off', lambda t: t.x_env()))
    for name, start, flags, nla, env in cases:
        target = start(folder / name)
        try:
            ours, direct = compare(folder / name, target, lambda env=env, target=target: env(target), flags,
                                   nla, seconds, rounds)
        finally:
            target.stop()
        figures |= {f'frames_{name}_fps': ours, f'frames_{name}_direct_fps': direct,
                    f'frames_ratio_{name}': round(ours / direct, 3)}
    figures['frames_ratio'] = min(v for k, v in figures.items() if k.startswith('frames_ratio_'))
    return figures
