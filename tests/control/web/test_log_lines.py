import logging

from livecam.control.web.log_lines import LINES, LogLines


def _logged(*texts: str) -> LogLines:
    lines = LogLines()
    for text in texts:
        lines.handle(logging.LogRecord("livecam", logging.WARNING, "", 0, text, None, None))
    return lines


def test_the_newest_lines_are_kept() -> None:
    lines = _logged(*(f"line {number}" for number in range(LINES + 50)))
    kept = lines.since(0)
    assert len(kept) == LINES
    assert (kept[0].text, kept[-1].text) == ("line 50", f"line {LINES + 49}")
    assert [line.text for line in lines.since(kept[-2].number)] == [kept[-1].text]
    assert lines.since(kept[-1].number) == ()
    assert kept[0].level == "warning"


def test_secrets_are_not_kept() -> None:
    (line,) = _logged("At http://127.0.0.1:1/?token=abc-DEF_1&x=2, srt://a?passphrase=hush1234 and Key=k").since(0)
    assert line.text == "At http://127.0.0.1:1/?token=...&x=2, srt://a?passphrase=... and Key=..."


def test_long_lines_are_cut() -> None:
    assert len(_logged("x" * 5000).since(0)[0].text) == 1000


def test_debugging_is_left_out() -> None:
    lines, logger = LogLines(), logging.getLogger("livecam.test_log_lines")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(lines)
    logger.debug("no")
    logger.info("yes %d", 1)
    logger.removeHandler(lines)
    assert [line.text for line in lines.since(0)] == ["yes 1"]
