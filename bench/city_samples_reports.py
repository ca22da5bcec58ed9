"""Reports and drone detections of the Qingdao sample: made up, near made-up components."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import shapely
from city_describe import City
from city_place import Placed
from city_streets import Floats

ZONE = timezone(timedelta(hours=8))
SURVEYED = datetime(2026, 7, 6, 7, 40, tzinfo=ZONE)
REPORT_COLUMNS = (
    "key", "channel", "matter", "class", "lon", "lat", "accuracy_m", "text", "reported_at",
)  # fmt: skip
DETECTION_COLUMNS = (
    "key", "image", "matter", "lon", "lat", "accuracy_m", "confidence", "taken_at", "note",
)  # fmt: skip
ACCURACY_M = {"inspector": 5, "citizen": 20, "video": 10, "sensor": 3}
OFFSET_M = {"inspector": (3, 6), "citizen": (5, 15), "video": (4, 10), "sensor": (3, 4)}

# channel, how it names what is wrong (matter of the 2026 edition, or class), class, text
ABOUT_COMPONENTS = """citizen matter 0137 路灯不亮，晚上走路看不清
citizen matter 0137 路灯一闪一闪的，已经好几天了
inspector matter 0137 灯杆倾斜，灯具外壳脱落
sensor class 0137 单灯控制器离线，电流为零
inspector matter 0102 污水井盖缺失，有安全隐患，已放置警示锥
citizen matter 0102 井盖响，车一过就咣当咣当
inspector matter 0103 雨水井盖破损，露出钢筋
citizen matter 0101 上水井盖下沉，骑车差点摔倒
sensor class 0102 井盖倾角报警，疑似被打开
inspector matter 0104 雨水箅子丢失两块
citizen matter 0104 雨水箅子堵了，下雨就积水
video class 0104 视频识别：雨水口积水
inspector matter 0105 电力井盖翘起
citizen matter 0107 通信井盖裂了
inspector matter 0111 燃气井盖周边路面沉降
inspector matter 0113 消火栓被撞歪，漏水
citizen matter 0113 消火栓盖子丢了
inspector matter 0127 交接箱门未关，线缆外露
citizen matter 0130 电线杆倾斜
inspector matter 0148 变压器箱门锁损坏
citizen matter 0146 健身器材松动，孩子玩容易受伤
inspector matter 0150 监控杆件锈蚀
inspector matter 0204 公交站亭玻璃破碎
citizen matter 0204 站牌被涂鸦
citizen matter 0210 限速牌被树枝挡住，看不见
inspector matter 0212 路名牌倾斜
citizen matter 0214 红绿灯不亮，路口很乱
video class 0214 视频识别：信号灯灭灯
inspector matter 0217 中央护栏被撞倒，占了一条车道
inspector matter 0301 公厕停水
citizen matter 0305 垃圾箱满了没人收，味道很大
inspector matter 0305 果皮箱箱体破损
video class 0305 视频识别：垃圾箱满溢
citizen matter 0307 店铺招牌快掉下来了
inspector matter 0306 广告牌面板脱落一角
citizen matter 0402 行道树枯死，怕倒下来砸车
inspector matter 0404 护树桩松脱
citizen matter 0407 座椅木条断裂
inspector matter 0408 绿地护栏缺失约三米
citizen matter 0154 充电桩屏幕碎了，不能充电""".splitlines()
ABOUT_PLACES = """citizen 06010 楼下一堆垃圾没人清理
inspector 06010 暴露垃圾约两立方米
citizen 09006 占道经营，人行道走不过去
video 09006 视频识别：人行道上有摊位
inspector 06013 路面坑洞，直径约半米""".splitlines()
TREES = "0402"
AMBIGUOUS = ("树枝折断，挂在树上快掉了", "这棵树歪了，根都露出来了", "行道树有虫，叶子都卷了")
NOWHERE = (("0137", "村口路灯坏了，天黑了什么都看不见"), ("0305", "海边栈道旁的垃圾桶倒了"))
DETECTED = (
    ("06001", "屋顶疑似加建彩钢房"), ("08016", "疑似未批先建，基础已开挖"),
    ("06045", "绿地被平整并堆放材料"), ("08004", "裸土未覆盖，扬尘"),
)  # fmt: skip


def matter_of(class_code: str) -> str:
    """The matter type of a class: its code in the 2026 edition."""
    return f"{class_code[:2]}0{class_code[2:]}"


def write_reports(out: Path, city: City, placed: Placed) -> int:
    """`reports.csv`: 50 reports, of which two have nothing near; returns their number."""
    rng = np.random.default_rng([city.seed, 31])
    codes = np.array([rule.class_code for rule in city.rules])[placed.rule]
    busy = city.streets.urbanity[placed.street] > 0.5
    rows: list[tuple[str, str, str, Floats, int, str]] = []
    for line in ABOUT_COMPONENTS:
        channel, names, code, text = line.split(" ", 3)
        own = np.flatnonzero(codes == code)
        at = rng.choice(own[busy[own]] if busy[own].any() else own)
        xy = placed.xy[at] + shift(rng, *OFFSET_M[channel])
        matter, class_code = (matter_of(code), "") if names == "matter" else ("", code)
        rows.append((channel, matter, class_code, xy, ACCURACY_M[channel], text))
    for line in ABOUT_PLACES:
        channel, matter, text = line.split(" ", 2)
        xy = placed.xy[rng.choice(np.flatnonzero(busy))] + shift(rng, 3, 15)
        rows.append((channel, matter, "", xy, ACCURACY_M[channel], text))
    trees = placed.xy[codes == TREES]
    rows += [
        ("citizen", matter_of(TREES), "", between_two(rng, trees), 20, text) for text in AMBIGUOUS
    ]
    rows += [
        ("citizen", matter_of(code), "", far_from_all(rng, city, placed.xy), 30, text)
        for code, text in NOWHERE
    ]
    order = rng.permutation(len(rows))
    at_time = SURVEYED
    with (out / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(REPORT_COLUMNS)
        for number, index in enumerate(order, start=1):
            channel, matter, class_code, xy, accuracy_m, text = rows[index]
            lon, lat = city.to_degrees.transform(*xy)
            at_time += timedelta(minutes=int(rng.integers(4, 55)))
            writer.writerow(
                [f"R{number:03d}", channel, matter, class_code, f"{lon:.7f}", f"{lat:.7f}",
                 accuracy_m, text, at_time.isoformat()]
            )  # fmt: skip
    return len(rows)


def shift(rng: np.random.Generator, least_m: float, most_m: float) -> Floats:
    """A step of so many metres in any direction."""
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(least_m, most_m)
    step: Floats = distance * np.array([np.cos(angle), np.sin(angle)])
    return step


def between_two(rng: np.random.Generator, xy: Floats) -> Floats:
    """A place half way between two neighbours less than 9 m apart."""
    tree = shapely.STRtree(shapely.points(xy))
    for at in rng.permutation(len(xy)):
        near = tree.query(shapely.Point(xy[at]).buffer(9.0))
        others = near[near != at]
        if len(others):
            between: Floats = (xy[at] + xy[others[0]]) / 2 + rng.normal(0, 0.3, 2)
            return between
    raise ValueError("no two neighbours are so near")


def far_from_all(rng: np.random.Generator, city: City, xy: Floats) -> Floats:
    """A place inside the city with nothing within a kilometre."""
    tree = shapely.STRtree(shapely.points(xy))
    west, south, east, north = city.areas.inside.bounds
    while True:
        guess = rng.uniform((west, south), (east, north))
        point = shapely.Point(guess)
        if shapely.contains(city.areas.inside, point) and not len(tree.query(point.buffer(1000))):
            return guess


def write_detections(out: Path, city: City, placed: Placed) -> int:
    """`detections.csv`: what drone images of two flights show; some show one thing twice."""
    rng = np.random.default_rng([city.seed, 32])
    busy = np.flatnonzero(city.streets.urbanity[placed.street] > 0.4)
    sites = [placed.xy[rng.choice(busy)] + shift(rng, 40, 120) for _ in range(11)]
    rows: list[list[object]] = []
    for flight, day in enumerate((8, 15), start=1):
        taken_at = datetime(2026, 7, day, 9, 30, tzinfo=ZONE)
        for nth in range(10):
            site = nth if flight == 1 else (nth * 2) % len(sites)
            matter, note = DETECTED[site % len(DETECTED)]
            accuracy_m = round(float(rng.uniform(5, 20)), 1)
            seen = sites[site] + rng.normal(0, accuracy_m / 2.5, 2)
            lon, lat = city.to_degrees.transform(*seen)
            taken_at += timedelta(seconds=int(rng.integers(20, 200)))
            rows.append(
                [f"D{len(rows) + 1:03d}", f"example_flight{flight}_{nth + 1:04d}.jpg", matter,
                 f"{lon:.7f}", f"{lat:.7f}", accuracy_m, round(float(rng.uniform(0.55, 0.97)), 2),
                 taken_at.isoformat(), f"合成：{note}"]
            )  # fmt: skip
    with (out / "detections.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(DETECTION_COLUMNS)
        writer.writerows(rows)
    return len(rows)
