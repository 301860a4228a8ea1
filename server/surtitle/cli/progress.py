"""How far a recording is, and how long the rest will take, in words. Pure."""

MINUTE_S = 60
HOUR_S = 3600
SURE_FROM_S = 3.0
"""Before so much time nothing is said of the rest: the first answers come late."""


def progress_words(done_s: float, length_s: float | None, elapsed_s: float) -> str:
    """Such as "41 %, about 3 min left"; empty where the length is not known."""
    if not length_s:
        return ""
    share = min(done_s / length_s, 1.0)
    words = f"{100 * share:.0f} %"
    if share <= 0 or share == 1 or elapsed_s < SURE_FROM_S:
        return words
    return f"{words}, about {duration_words(elapsed_s * (1 - share) / share)} left"


def duration_words(seconds: float) -> str:
    """A duration that is not exact: "40 s", "3 min", "2 h 5 min"."""
    if seconds < MINUTE_S:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / MINUTE_S)
    hours, rest = divmod(minutes, HOUR_S // MINUTE_S)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
