# SPDX-License-Identifier: BSD-3-Clause
"""`perun plot`: figures by gnuplot."""

import os
import unittest

from harness import PERUN, PerunTest


class Plot(PerunTest):
    def setUp(self):
        super().setUp()
        self.env["PERUN_BIN"] = PERUN
        self.file("p.sh", "\"$PERUN_BIN\" mark begin \"it's <b>\"; sleep 0.5; \"$PERUN_BIN\" mark end \"it's <b>\"; sleep 0.2\n")
        done = self.monitor("-q", "--backends", "sim:square:20W:200W:300ms,sim:const:50W:domain=gpu:name=gpu0", "-f", "1000", "--name", "wave",
                            "sh", "p.sh")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_svg_png_and_pdf(self):
        for suffix, begin in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
            done = self.perun("plot", "-o", f"fig.{suffix}")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            data = (self.dir / f"fig.{suffix}").read_bytes()
            self.assertTrue(data.startswith(begin), data[:20])
            self.assertGreater(len(data), 2000)
        svg = (self.dir / "fig.svg").read_text()
        for text in ("time (s)", "power (W)", "gpu0", "total", "it's &lt;b"):
            self.assertTrue(text in svg, text)
        self.assertLess(len(svg), 400_000)

    def test_mistakes(self):
        for words, status, what in (([], 2, "the figure to draw is missing"), (["-o", "x.gif"], 2, "does not end in"),
                                    (["-o", "none/x.svg"], 1, "cannot write"), (["none.hdf5", "-o", "x.svg"], 1, "none.hdf5"),
                                    (["-o", "x.svg", "--run", "7"], 1, "7")):
            done = self.perun("plot", *words)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(what, done.stderr.decode())
        done = self.perun("plot", "-o", "x.svg", env={**self.env, "PATH": str(self.dir)})
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), "apt install gnuplot-nox")
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith("x.")], [])
        self.monitor("-q", "--no-estimate", "--backends", "proc", "--name", "none", "true")
        done = self.perun("plot", "results/none.hdf5", "-o", "x.svg")
        self.assertRegex(done.stderr.decode(), "nothing was measured")


if __name__ == "__main__":
    unittest.main()
