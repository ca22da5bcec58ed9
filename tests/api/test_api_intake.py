"""Reports that arrive at once are answered together, each as if it came alone."""

from concurrent.futures import ThreadPoolExecutor

from running_api import LAMP, POSITIONS, Api

from gis_registry.roles import Role


def test_many_at_once_are_all_kept_and_what_is_wrong_is_refused_by_itself(api: Api) -> None:
    said = [
        {
            "lon": POSITIONS[n // 2 % 5][0],
            "lat": POSITIONS[n // 2 % 5][1],
            "matter": LAMP if n // 2 % 7 else "99999",
            "accuracy_m": 3,
            "client_key": f"k{n // 2}",
            "text": f"{n // 2}",
        }
        for n in range(60)
    ]
    client = api.as_(Role.INSPECTOR)
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda one: client.post("/api/reports", json=one), said))
    for one, response in zip(said, found, strict=True):
        if one["matter"] != LAMP:
            assert response.json()["type"] == "/problems/unknown-matter-type"
        else:
            assert response.status_code in (200, 201)
            assert response.json()["client_key"] == one["client_key"]
    kept = [one.json()["id"] for one in found if one.status_code == 201]
    keys = {one["client_key"] for one in said if one["matter"] == LAMP}
    assert len(kept) == len(set(kept)) == len(keys)
