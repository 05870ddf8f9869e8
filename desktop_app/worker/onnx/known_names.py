"""Class names of public data sets, by which models without names of their own are suggested some."""

from __future__ import annotations

_COCO = """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,
parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,
suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,
tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,
hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,
cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"""
_VOC = """aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,pottedplant,
sheep,sofa,train,tvmonitor"""
_CITYSCAPES = """road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,person,rider,
car,truck,bus,train,motorcycle,bicycle"""
_DOTA = """plane,ship,storage tank,baseball diamond,tennis court,basketball court,ground track field,harbor,bridge,
large vehicle,small vehicle,helicopter,roundabout,soccer ball field,swimming pool"""
_COCO_KEYPOINTS = """nose,left_eye,right_eye,left_ear,right_ear,left_shoulder,right_shoulder,left_elbow,right_elbow,
left_wrist,right_wrist,left_hip,right_hip,left_knee,right_knee,left_ankle,right_ankle"""
_HALPE_MORE = """head,neck,hip,left_big_toe,right_big_toe,left_small_toe,right_small_toe,left_heel,right_heel"""
_GAPS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.replace("\n", "").split(","))


COCO = _split(_COCO)
VOC = _split(_VOC)
CITYSCAPES = _split(_CITYSCAPES)
DOTA = _split(_DOTA)
COCO_KEYPOINTS = _split(_COCO_KEYPOINTS)


HALPE_KEYPOINTS = COCO_KEYPOINTS + _split(_HALPE_MORE)


def body_points(count: int) -> tuple[str, ...]:
    """Names of the key points of a body: COCO's 17, Halpe's 26, else numbered."""
    for names in (COCO_KEYPOINTS, HALPE_KEYPOINTS):
        if len(names) == count:
            return names
    return tuple(f"point_{index}" for index in range(count))


def coco91() -> tuple[str, ...]:
    """The 91 columns of files that keep COCO's own category ids; the unused ones are called `unused_n`."""
    names = iter(COCO)
    return tuple(f"unused_{index}" if index in _GAPS else next(names) for index in range(91))


def suggest(count: int, task: str) -> tuple[str, tuple[str, ...]] | None:
    """Data set and names that so many classes suggest for a task, or None."""
    if task in ("detect", "segment", "pose"):
        table = {80: ("COCO", COCO), 91: ("COCO with its own ids", coco91()), 20: ("Pascal VOC", VOC)}
        return table.get(count)
    if task == "obb" and count == 15:
        return "DOTA", DOTA
    if task == "semantic":
        voc = ("background", *VOC)
        return {19: ("Cityscapes", CITYSCAPES), 21: ("Pascal VOC", voc)}.get(count)
    return None
