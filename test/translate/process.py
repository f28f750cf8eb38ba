"""Runs the command under test, with its input in one piece or in pieces that it is made to read one at a time."""
import fcntl
import os
import subprocess
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SIGHTLINE") or os.path.join(ROOT, "build", "release", "sightline")
TIMEOUT_S = 20


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def command(args):
    return [BINARY, "translate", *args]


def unread(fd):
    """Bytes in the pipe that the other side has not taken yet."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"), "little")


def run_whole(args, data):
    done = subprocess.run(command(args), input=data, capture_output=True, timeout=TIMEOUT_S)
    return Ran(done.returncode, done.stdout, done.stderr)


def write_piece(proc, piece, deadline):
    """Writes a piece and waits until it was read. False if the command ended before that."""
    fd = proc.stdin.fileno()
    try:
        while piece:
            piece = piece[os.write(fd, piece):]
        while unread(fd):
            if proc.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(proc.args, TIMEOUT_S)
            time.sleep(0.00005)
    except BrokenPipeError:
        return False
    return True


def run_pieces(args, pieces):
    """Each piece is written only after the one before it was read, so the command sees exactly these reads."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        proc = subprocess.Popen(command(args), stdin=subprocess.PIPE, stdout=out, stderr=err, bufsize=0)
        deadline = time.monotonic() + TIMEOUT_S
        try:
            for piece in pieces:
                if not write_piece(proc, piece, deadline):
                    break
            close_quietly(proc)
            code = proc.wait(timeout=TIMEOUT_S)
        finally:
            stop(proc)
        out.seek(0)
        err.seek(0)
        return Ran(code, out.read(), err.read())


def close_quietly(proc):
    try:
        proc.stdin.close()
    except BrokenPipeError:
        pass


def stop(proc):
    if proc.poll() is None:
        proc.kill()
        proc.wait()


def start(args):
    """The command with both pipes open, for tests that watch output while the input is open."""
    proc = subprocess.Popen(command(args), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            bufsize=0)
    os.set_blocking(proc.stdout.fileno(), False)
    return proc


def read_until(proc, wanted, seen, timeout_s):
    """Reads until `wanted` is in what was read. Returns all that was read so far, with or without it."""
    deadline = time.monotonic() + timeout_s
    while wanted not in seen and time.monotonic() < deadline:
        try:
            chunk = os.read(proc.stdout.fileno(), 65536)
        except BlockingIOError:
            time.sleep(0.002)
            continue
        if not chunk:
            break
        seen += chunk
    return seen
