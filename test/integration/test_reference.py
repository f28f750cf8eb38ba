"""docs/reference is as the kinds are described."""

import os
import pathlib
import subprocess
import unittest

from harness import need_binary

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Reference(unittest.TestCase):
    def test_it_is_not_stale(self):
        env = {**os.environ, "SIGHTLINE": str(need_binary())}
        done = subprocess.run([ROOT / "tools/gen_schema", "--check"], capture_output=True, text=True, timeout=60, env=env)
        self.assertEqual(0, done.returncode, f"run tools/gen_schema; not as described:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    unittest.main()
