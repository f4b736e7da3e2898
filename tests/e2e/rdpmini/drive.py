# SPDX-License-Identifier: Apache-2.0
"""The client's side of device redirection (MS-RDPEFS): one drive with a few files in memory.

Debian's xfreerdp tells xrdp of no drive: it waits for a User Logged On that xrdp sends only to
clients which announce it, and takes that announcement out of its own message.
"""
import struct
import threading

from .line import Closed

FIRST, LAST, CHUNK = 1, 2, 1600
CORE = 0x4472
CREATE, CLOSE, READ, WRITE, QUERY, SET, VOLUME, DIRECTORY = 0, 2, 3, 4, 5, 6, 10, 12
OK, NO_MORE_FILES, NO_SUCH_FILE, NOT_SUPPORTED = 0, 0x80000006, 0xC000000F, 0xC00000BB
A_FOLDER, A_FILE = 0x10, 0x80


def message(packet, body=b''):
    return struct.pack('<HH', CORE, packet) + body


class Drive:
    """Serves files (name to bytes) over client's first static channel in a thread of its own."""

    def __init__(self, client, files, name=b'shared'):
        self.client, self.files, self.name = client, {k: bytearray(v) for k, v in files.items()}, name
        self.channel = client.channel_ids[0]
        self.open, self.listed, self.count = {}, {}, 0
        self.reply = None  # the target's NTSTATUS for our device
        self.requests = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        whole = b''
        try:
            while True:
                channel, data = self.client.receive_channel()
                if channel != self.channel:
                    continue
                _, flags = struct.unpack_from('<II', data)
                whole = data[8:] if flags & FIRST else whole + data[8:]
                if flags & LAST:
                    self._on(whole)
        except (Closed, OSError, ValueError):
            pass

    def _send(self, data):
        for at in range(0, len(data), CHUNK):
            part = data[at:at + CHUNK]
            flags = (FIRST if at == 0 else 0) | (LAST if at + len(part) == len(data) else 0)
            self.client.send_channel(self.channel, struct.pack('<II', len(data), flags) + part)

    def _on(self, data):
        component, packet = struct.unpack_from('<HH', data)
        assert component == CORE
        if packet == 0x496E:  # Server Announce
            self._send(message(0x4343, struct.pack('<HHI', 1, 12, struct.unpack_from('<I', data, 8)[0])))
            name = 'mini\0'.encode('utf-16-le')
            self._send(message(0x434E, struct.pack('<III', 1, 0, len(name)) + name))
        elif packet == 0x5350:  # Server Capability
            general = struct.pack('<HHIIIHHIIIIII', 1, 44, 2, 2, 0, 1, 12, 0xFFFF, 0, 7, 0, 0, 0)
            self._send(message(0x4350, struct.pack('<HH', 2, 0) + general + struct.pack('<HHI', 4, 8, 2)))
        elif packet == 0x554C:  # User Logged On
            device = struct.pack('<II8sI', 8, 1, self.name, 0)
            self._send(message(0x4441, struct.pack('<I', 1) + device))
        elif packet == 0x6472:  # Device Reply
            self.reply = struct.unpack_from('<I', data, 8)[0]
        elif packet == 0x4952:
            self._request(data)

    def _request(self, data):
        device, file, completion, major, _ = struct.unpack_from('<IIIII', data, 4)
        self.requests.append(major)
        status, body = self._answer(file, major, data[24:])
        self._send(message(0x4943, struct.pack('<III', device, completion, status) + body))

    def _answer(self, file, major, body):
        handlers = {CREATE: self._create, READ: self._read, WRITE: self._write, QUERY: self._query,
                    DIRECTORY: self._directory}
        if major in handlers:
            return handlers[major](file, body)
        if major == CLOSE:
            self.open.pop(file, None)
            return OK, bytes(5)
        if major == SET:
            return OK, struct.pack('<I', struct.unpack_from('<I', body, 4)[0])
        return NOT_SUPPORTED, bytes(4)

    def _create(self, _file, body):
        disposition, = struct.unpack_from('<I', body, 20)
        path = body[32:].decode('utf-16-le').rstrip('\0').lstrip('\\/')
        if path and path not in self.files:
            if disposition == 1:
                return NO_SUCH_FILE, bytes(5)
            self.files[path] = bytearray()
        if path and disposition in (0, 4, 5):
            self.files[path] = bytearray()
        self.count += 1
        self.open[self.count] = path
        return OK, struct.pack('<IB', self.count, 1)

    def _read(self, file, body):
        size, offset = struct.unpack_from('<IQ', body)
        data = bytes(self.files[self.open[file]][offset:offset + size])
        return OK, struct.pack('<I', len(data)) + data

    def _write(self, file, body):
        size, offset = struct.unpack_from('<IQ', body)
        self.files[self.open[file]][offset:offset + size] = body[32:32 + size]
        return OK, struct.pack('<IB', size, 0)

    def _size_and_kind(self, path):
        return (len(self.files[path]), A_FILE) if path else (0, A_FOLDER)

    def _query(self, file, body):
        kind, = struct.unpack_from('<I', body)
        size, attributes = self._size_and_kind(self.open[file])
        data = {4: struct.pack('<QQQQI', 0, 0, 0, 0, attributes),
                5: struct.pack('<QQIBB', size, size, 1, 0, attributes == A_FOLDER),
                35: struct.pack('<II', attributes, 0)}.get(kind)
        return (OK, struct.pack('<I', len(data)) + data) if data else (NOT_SUPPORTED, bytes(4))

    def _directory(self, file, body):
        kind, is_first, length = struct.unpack_from('<IBI', body)
        if is_first:
            pattern = body[32:32 + length].decode('utf-16-le').rstrip('\0').split('\\')[-1]
            self.listed[file] = [n for n in self.files if pattern in ('*', n)]
        if not self.listed.get(file):
            return (NO_SUCH_FILE if is_first else NO_MORE_FILES), bytes(5)
        name = self.listed[file].pop(0)
        size, attributes = self._size_and_kind(name)
        wide = name.encode('utf-16-le')
        entry = struct.pack('<II4QQQII', 0, 0, 0, 0, 0, 0, size, size, attributes, len(wide))
        if kind == 3:  # FileBothDirectoryInformation has a short name, FileDirectoryInformation none
            entry += bytes(4 + 1 + 24)
        entry += wide
        return OK, struct.pack('<I', len(entry)) + entry
