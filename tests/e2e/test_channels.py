# SPDX-License-Identifier: Apache-2.0
"""Channels through Sallyport with real programs: each works, and each can be forbidden by a rule."""
import contextlib
import hashlib
import secrets
import subprocess
import time

import pytest

from gate import target_entry
from lab import wait_for
from rdpmini.drive import Drive

QUIET = 4  # seconds in which a forbidden thing would have arrived, had it been allowed


def put_text(env, text):
    """Own the clipboard of a display; the owner stays behind until another one takes over."""
    subprocess.run(['xclip', '-selection', 'clipboard', '-i'], input=text.encode(), env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)


def get_text(env):
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(['xclip', '-selection', 'clipboard', '-o'], env=env, capture_output=True,
                              check=False, timeout=5).stdout.decode(errors='replace')
    return ''


def new_word():
    return 'clip-' + secrets.token_hex(6)


def never(question, seconds=QUIET):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not question()
        time.sleep(0.5)


@pytest.fixture
def through(make_gate, freerdp):
    """Connect to a desktop under a rule's channels; wait until it is painted."""
    def connect(target, channels, *flags, **rule):
        nla = 'off' if hasattr(target, 'home') else 'required'
        rules = [{'name': 'all', 'users': ['demo'], 'targets': ['desk'], 'channels': channels, **rule}]
        service = make_gate(target_entry('desk', target, verify='tofu', nla=nla), rules=rules)
        client = freerdp(service, 'demo', *flags)
        service.wait_event('session_active')
        client.wait_painted(target)
        return service, client
    return connect


def refused(service, channel, **more):
    return service.wait_event('channel_refused', channel=channel, **more)


# --- clipboard ------------------------------------------------------------------------------------

def test_text_goes_both_ways(xrdp, through):
    service, client = through(xrdp, {'clipboard': 'both'}, '+clipboard')
    to_target, to_client = new_word(), new_word()
    put_text(client.display.env(), to_target)
    wait_for(lambda: get_text(xrdp.x_env()) == to_target, 20, 'the text in the session')
    moved = service.wait_event('transfer', direction='to_target', kind='text')
    assert moved['sha256'] == hashlib.sha256((to_target + '\0').encode('utf-16-le')).hexdigest()
    put_text(xrdp.x_env(), to_client)
    wait_for(lambda: get_text(client.display.env()) == to_client, 20, 'the text at the client')
    service.wait_event('transfer', direction='to_client', kind='text')


@pytest.mark.parametrize('way', ['to-client', 'to-target'])
def test_text_goes_one_way(xrdp, through, way):
    service, client = through(xrdp, {'clipboard': way}, '+clipboard')
    ends = [client.display.env(), xrdp.x_env()]
    if way == 'to-client':
        ends.reverse()
    allowed, forbidden = new_word(), new_word()
    put_text(ends[0], allowed)
    wait_for(lambda: get_text(ends[1]) == allowed, 20, 'the text in the allowed direction')
    put_text(ends[1], forbidden)
    refused(service, 'cliprdr', direction='to_target' if way == 'to-client' else 'to_client')
    never(lambda: get_text(ends[0]) == forbidden)
    client.wait_painted(xrdp)


def test_clipboard_off(xrdp, through):
    service, client = through(xrdp, {'clipboard': 'off'}, '+clipboard')
    service.wait_event('channel_denied', channel='cliprdr')
    word = new_word()
    put_text(client.display.env(), word)
    never(lambda: get_text(xrdp.x_env()) == word)
    client.wait_painted(xrdp)


# --- drives ---------------------------------------------------------------------------------------

@pytest.fixture
def shared(make_gate, xrdp):
    """Our own client with a drive in xrdp's session; a shell of the session's user."""
    with contextlib.ExitStack() as ends:
        def connect(channels, files):
            rules = [{'name': 'all', 'users': ['demo'], 'targets': ['desk'], 'channels': channels}]
            service = make_gate(target_entry('desk', xrdp, verify='tofu', nla='off'), rules=rules)
            client = ends.enter_context(service.mini('demo', channels=[('rdpdr', 0x80800000)]))
            client.run()
            return service, Drive(client, files)
        yield connect


def shell(target, command):
    return subprocess.run(['runuser', '-u', target.user, '--', 'sh', '-c', f'cd ~/thinclient_drives && {command}'],
                          capture_output=True, check=False, timeout=30)


def sees(target, name):
    return shell(target, f'test -e shared/{name}').returncode == 0


def test_file_through_a_drive(xrdp, shared):
    content = secrets.token_bytes(50000)
    service, drive = shared({'drives': 'both'}, {'from-client': content})
    wait_for(lambda: sees(xrdp, 'from-client'), 30, 'the drive in the session')
    assert shell(xrdp, 'cat shared/from-client').stdout == content
    moved = service.wait_event('transfer', direction='to_target', channel='rdpdr', kind='file')
    assert moved['name'].endswith('from-client') and moved['bytes'] == len(content)
    assert moved['sha256'] == hashlib.sha256(content).hexdigest()
    assert shell(xrdp, 'printf hello >shared/from-target').returncode == 0
    wait_for(lambda: drive.files.get('from-target') == b'hello', 10, 'the file at the client')
    moved = service.wait_event('transfer', direction='to_client', channel='rdpdr', kind='file')
    assert moved['name'].endswith('from-target') and moved['bytes'] == 5


def test_drive_read_only(xrdp, shared):
    service, drive = shared({'drives': 'read'}, {'from-client': b'read me'})
    wait_for(lambda: sees(xrdp, 'from-client'), 30, 'the drive in the session')
    assert shell(xrdp, 'cat shared/from-client').stdout == b'read me'
    assert shell(xrdp, 'printf no >shared/from-target').returncode != 0
    refused(service, 'rdpdr', direction='to_client')
    assert drive.files == {'from-client': b'read me'}


def test_drive_off(xrdp, shared):
    service, drive = shared({'drives': 'off'}, {'from-client': b'read me'})
    refused(service, 'rdpdr')
    wait_for(lambda: drive.reply == 0xC0000022, what='the refusal of the device')
    never(lambda: sees(xrdp, 'from-client'))
    assert not drive.requests


# --- sound, microphone, size ----------------------------------------------------------------------

def test_sound_is_offered_or_not(xrdp, shadow, through):
    for target in (xrdp, shadow):
        service, client = through(target, {'sound': True}, '/sound:sys:fake')
        client.stop()
        end = service.wait_event('session_end')
        assert 'rdpsnd' in end['channels'] and 'rdpdr' in end['channels']
        service, client = through(target, {'sound': False}, '/sound:sys:fake')
        service.wait_event('channel_denied', channel='rdpsnd')
        client.stop()
        assert 'rdpsnd' not in service.wait_event('session_end')['channels']


def test_microphone_is_opened_or_not(shadow, through):
    flags = ['/microphone:sys:oss', '/sound:sys:fake', '/gfx:AVC444']
    service, client = through(shadow, {'microphone': True}, *flags)
    service.wait_event('channel_opened', channel='AUDIO_INPUT')
    client.wait_painted(shadow)
    client.stop()
    service.wait_event('channel_closed', channel='AUDIO_INPUT')
    service, client = through(shadow, {}, *flags)
    refused(service, 'AUDIO_INPUT', what='open')
    client.wait_painted(shadow)


def test_graphics_pipeline_can_be_denied(shadow, through):
    service, client = through(shadow, {'graphics': True}, '/gfx:AVC444')
    service.wait_event('channel_opened', channel='Microsoft::Windows::RDS::Graphics')
    service, client = through(shadow, {'graphics': False}, '/gfx:AVC444')
    refused(service, 'Microsoft::Windows::RDS::Graphics', what='open')
    client.wait_painted(shadow)  # by the older ways


def screen_size(env):
    shown = subprocess.run(['xdpyinfo'], env=env, capture_output=True, text=True, check=False, timeout=20)
    return next(line.split()[1] for line in shown.stdout.splitlines() if 'dimensions:' in line)


@pytest.mark.parametrize('allowed', [True, False])
def test_resize(xrdp, through, allowed):
    service, client = through(xrdp, {'display_control': allowed}, '/dynamic-resolution')
    name = 'Microsoft::Windows::RDS::DisplayControl'
    service.wait_event('channel_opened' if allowed else 'channel_refused', channel=name)
    before = screen_size(xrdp.x_env())
    window = client.display.run('xdotool', 'search', '--name', 'FreeRDP').split()[0]
    client.display.run('xdotool', 'windowsize', window, '800', '600')
    if allowed:
        wait_for(lambda: screen_size(xrdp.x_env()) == '800x600', 20, 'the session in its new size')
    else:
        never(lambda: screen_size(xrdp.x_env()) != before)


# --- time -----------------------------------------------------------------------------------------

@pytest.mark.parametrize('limit', ['idle', 'total'])
def test_time_limits_end_a_session(shadow, through, limit):
    service, client = through(shadow, {}, **{limit: '2s'})
    end = service.wait_event('session_end')
    assert end['reason'] == {'idle': 'idle', 'total': 'time is up'}[limit]
    assert client.code() == {'idle': 3, 'total': 4}[limit]  # xfreerdp gives on what it was told
