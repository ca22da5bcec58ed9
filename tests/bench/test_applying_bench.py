"""What is torn or stale among the answers of a benchmark is found."""

from collections import Counter

from applying_answers import Answer, Clients, Question, judge

PAGE, OTHER = Question("total", "/items?limit=1"), Question("total", "/others")


def told(clients: Clients, question: Question, count: int, at_s: float) -> Answer:
    """Note an answer that began at a time and took half a second."""
    body = b'{"features": [], "numberMatched": %d, "links": []}' % count
    content = clients.contents.setdefault((question, body), len(clients.contents))
    answer = Answer(question, at_s, at_s + 0.5, content)
    clients.answers.append(answer)
    return answer


def test_what_is_torn_or_stale_is_found() -> None:
    clients = Clients(1, [PAGE, OTHER])
    before = [told(clients, PAGE, 5, 0), told(clients, OTHER, 3, 0)]
    told(clients, PAGE, 5, 1)
    told(clients, PAGE, 6, 2)  # neither
    told(clients, PAGE, 7, 3)
    told(clients, PAGE, 5, 3.4)  # asked before anybody had seen what is after
    told(clients, PAGE, 5, 4)  # stale
    after = [told(clients, PAGE, 7, 5), told(clients, OTHER, 3, 5)]
    verdict = judge(clients, before, after)
    assert verdict.counted == {"total": {"before": 4, "after": 2, "neither": 1, "unchanged": 2}}
    assert verdict.neither == Counter([PAGE.address])
    assert verdict.late == 1
