"""A plugin script in the current style: outlines what lies on the tray and tells how it is lit.

No model, only arithmetic on the picture, so that it runs anywhere with requests, Pillow and numpy.
"""

import io
import json
import os

import numpy as np
import requests
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.plugins import ModelPlugin, run
from PIL import Image, ImageOps

HOST = os.environ.get("HOST", "http://127.0.0.1")
PLUGIN_ID = os.environ.get("PLUGIN_ID", "")
PLUGIN_SECRET = os.environ.get("PLUGIN_SECRET", "")

WORKING_SIDE = 320
CLASS_NAME = "Outline"


def convex_hull(points):
    """Corners of the convex hull, in order around it (Andrew's monotone chain)."""
    points = sorted(set(map(tuple, points)))
    if len(points) < 3:
        return points

    def chain(ordered):
        hull = []
        for x, y in ordered:
            while len(hull) > 1:
                (ax, ay), (bx, by) = hull[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        return hull[:-1]

    return chain(points) + chain(points[::-1])


def things_on(grey, sensitivity):
    """Rows and columns of the pixels with strong contrast, the tray's rim at the border left out."""
    down, right = np.gradient(grey)
    contrast = np.hypot(down, right)
    border = round(min(grey.shape) * 0.05)
    contrast[:border], contrast[-border:] = 0, 0
    contrast[:, :border], contrast[:, -border:] = 0, 0
    return np.nonzero(contrast > max(12.0, 4.5 * float(contrast.mean())) / sensitivity)


def lighting(grey):
    """One of the project's options for "Light"."""
    height, width = grey.shape
    corners = [
        grey[: height // 3, : width // 3],
        grey[: height // 3, -width // 3 :],
        grey[-height // 3 :, : width // 3],
        grey[-height // 3 :, -width // 3 :],
    ]
    levels = [float(corner.mean()) for corner in corners]
    if max(levels) - min(levels) > 40:
        return "Uneven"
    return "Bright" if float(grey.mean()) > 110 else "Dim"


def annotate(data):
    logger = data["logger"]
    config = json.loads(data.get("configJSON") or "{}")
    sensitivity = float(config.get("sensitivity", 1.0))

    reply = requests.get(data["dataURL"], timeout=20)
    reply.raise_for_status()
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(reply.content))).convert("RGB")
    scale = WORKING_SIDE / max(picture.size)
    small = picture.resize([max(1, round(side * scale)) for side in picture.size])
    logger.info("[1/2] looking at %d x %d pixels", *picture.size)

    rows, columns = things_on(np.asarray(small.convert("L"), dtype=np.float32), sensitivity)
    objects = []
    if len(rows):
        hull = convex_hull(zip(columns.tolist(), rows.tolist()))
        polygon = [[round((x + 0.5) / scale, 1), round((y + 0.5) / scale, 1)] for x, y in hull]
        mapping = {entry["modelClass"]: entry["schemaId"] for entry in data.get("categorySchema") or []}
        label = {"schemaId": mapping[CLASS_NAME]} if CLASS_NAME in mapping else {"title": CLASS_NAME}
        if len(polygon) >= 3:
            objects.append({**label, "polygon": polygon})

    light = lighting(np.asarray(small.convert("L"), dtype=np.float32))
    logger.info("[2/2] %d outline, light: %s", len(objects), light)
    classifications = [{"title": "Light", "tool": "radio", "answer": light}]
    return AnnotationPayload(answer=Answer(objects=objects, classifications=classifications, relations=[]))


if __name__ == "__main__":
    run(ModelPlugin(id=PLUGIN_ID, secret=PLUGIN_SECRET, callback=annotate), host=HOST)
