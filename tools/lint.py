#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a machine can check. Silent if there is nothing to say.

A function of more than 60 lines is allowed where it says "lint: flat": one table or one switch.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINES_MAX, FUNCTION_MAX = 500, 60

# Which rooms of src/ a room may include. cli is not here: it may include any.
ARROWS = {
    'base': {'base'},
    'rdp': {'rdp', 'base'},
    'front': {'front', 'rdp', 'base'},
    'lobby': {'lobby', 'rdp', 'base'},
    'back': {'back', 'rdp', 'base'},
    'session': {'session', 'front', 'back', 'lobby', 'rdp', 'base'},
    'door': {'door', 'session', 'front', 'back', 'lobby', 'rdp', 'base'},
    'directory': {'directory', 'base'},
    'courier': {'courier', 'base'},
    'keeper': {'keeper', 'rdp', 'base'},
    'firewall': {'firewall', 'base'},
}
BANNED = ('strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok atoi atol atoll atof '
          'alloca system popen mktemp tmpnam rand srand scanf').split()
BANNED_CALL = re.compile(r'(?<![\w.>])(' + '|'.join(BANNED) + r')\s*\(')
UNDONE = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')
MACHINE_PATH = re.compile(r'/wo' r'rk/[a-z.]|/ro' r'ot/|/ho' r'me/[a-z]|\.\./sha' r'red|\.\./\.lib' r'rary')
TEXT = {'.c', '.h', '.py', '.sh', '.md', '.build', '.txt', '.yaml', '.service', ''}
COMMENT_OR_STRING = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

found = []


def complain(path, line, what):
    found.append(f'{path}:{line}: {what}')


def tree():
    """Every file of the project, tracked or about to be."""
    shown = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT,
                           capture_output=True, check=True).stdout
    return sorted({pathlib.Path(name) for name in shown.decode().split('\0')
                   if name and (ROOT / name).is_file()})


def blank(match):
    """Keep the line numbers, drop the words."""
    text = match.group(0)
    return '""' if text[0] in '"\'' else re.sub(r'[^\n]', ' ', text)


def check_text(path, text):
    lines = text.splitlines()
    head = '\n'.join(lines[:2])
    if path.suffix in ('.c', '.h', '.py', '.sh') or text.startswith('#!'):
        if text and 'SPDX-License-Identifier: Apache-2.0' not in head:
            complain(path, 1, 'no SPDX line at the top')
        if len(lines) > LINES_MAX:
            complain(path, LINES_MAX + 1, f'{len(lines)} lines, at most {LINES_MAX}')
    for number, line in enumerate(lines, 1):
        if UNDONE.search(line):
            complain(path, number, 'unfinished work is not committed')
        if MACHINE_PATH.search(line):
            complain(path, number, 'a path of one machine')


def check_opening(path, text):
    if not re.match(r'/\* SPDX-License-Identifier: Apache-2\.0\n \* \S', text):
        complain(path, 2, 'the SPDX line is followed by a sentence on the file\'s job')


def check_calls(path, code):
    for number, line in enumerate(code.splitlines(), 1):
        call = BANNED_CALL.search(line)
        if call:
            complain(path, number, f'{call.group(1)}() is banned')


def check_functions(path, text):
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == '{':
            start = number
        elif line in ('}', '};') and start:
            size = number - start + 1
            if size > FUNCTION_MAX and 'lint: flat' not in '\n'.join(lines[max(start - 12, 0):number]):
                complain(path, start, f'a function of {size} lines, at most {FUNCTION_MAX}')
            start = None


def check_arrows(path, text):
    room = path.parts[1]
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r'#include "([a-z_0-9]+)/', line)
        if re.match(r'#include "[^/"]+"', line) and '"sp_version.h"' not in line:
            complain(path, number, 'includes are written as "room/file.h"')
        if include and include.group(1) not in ARROWS.get(room, {include.group(1)}):
            complain(path, number, f'{room} may not include {include.group(1)}')


def check_docstrings(path, text):
    """Each prototype of a header stands under a comment of its own."""
    code = COMMENT_OR_STRING.sub(blank, text)
    code = re.sub(r'^#(?:.*\\\n)*.*$', lambda m: re.sub(r'[^\n]', ' ', m.group(0)), code, flags=re.M)
    lines, depth, begin = text.splitlines(), 0, None
    statement = ''
    for number, line in enumerate(code.splitlines(), 1):
        if depth == 0 and begin is None and line.strip():
            begin, statement = number, ''
        statement += ' ' + line.strip()
        depth += line.count('{') - line.count('}')
        if depth == 0 and begin is not None and line.rstrip().endswith((';', '}')):
            words = statement.split()
            if (words and not words[0].startswith(('typedef', 'static_assert'))
                    and '{' not in statement and re.search(r'\w\s*\([^;]*\)[^=;]*;$', statement)
                    and not lines[begin - 2].rstrip().endswith('*/')):
                name = re.search(r'(\w+)\s*\(', statement.replace('SP_MUST_USE', ''))
                complain(path, begin, f'{name.group(1) if name else "a prototype"} has no docstring')
            begin = None


def check_guard(path, text):
    guard = 'SP_' + '_'.join(part.upper().replace('.', '_') for part in path.parts[1:])
    if f'#ifndef {guard}\n#define {guard}\n' not in text:
        complain(path, 1, f'the include guard is {guard}')


def check_format(paths):
    tool = shutil.which('clang-format-14')
    if not tool:
        sys.exit('lint: clang-format-14 is missing; ./test installs it')
    shown = subprocess.run([tool, '--dry-run', '-Werror', *map(str, paths)], cwd=ROOT,
                           capture_output=True, text=True, check=False).stderr
    seen = set()
    for path, line in re.findall(r'^([^\s:]+):(\d+):\d+: error', shown, re.M):
        if path not in seen:
            seen.add(path)
            complain(path, line, 'not formatted: clang-format-14 -i')


def main():
    sources = []
    for path in tree():
        if path.suffix not in TEXT or 'corpus' in path.parts or 'regress' in path.parts:
            continue
        text = (ROOT / path).read_text(encoding='utf-8', errors='replace')
        if '\0' in text:
            continue
        check_text(path, text)
        if path.suffix not in ('.c', '.h'):
            continue
        sources.append(path)
        check_opening(path, text)
        check_calls(path, COMMENT_OR_STRING.sub(blank, text))
        check_functions(path, text)
        if path.parts[0] == 'src':
            check_arrows(path, text)
            if path.suffix == '.h':
                check_docstrings(path, text)
                check_guard(path, text)
    check_format(sources)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
