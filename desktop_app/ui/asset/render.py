"""Draws a view of a scene into images, in any thread: the picture, and over it the annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QFont, QImage, QPainter

from desktop_app.ui.asset.crowd import draw_crowd
from desktop_app.ui.asset.drawing import draw_items
from desktop_app.ui.asset.labels import draw_labels
from desktop_app.ui.asset.look import Look, View
from desktop_app.ui.asset.pictures import Picture
from desktop_app.ui.asset.relations import draw_relations
from desktop_app.ui.asset.scene import Scene

CROWD = 600
"""From so many shapes on they are drawn together, with thinner lines: nobody sees the last pixel of one."""

BAND = 160
"""Rows painted in one go, in device pixels."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Images of one view."""

    view: View
    base: QImage | None
    overlay: QImage


@dataclass(frozen=True, slots=True)
class Stack:
    """What lies over each other: a picture, brush masks as large as the asset, and annotations."""

    picture: Picture | None
    scene: Scene
    masks: tuple[Picture, ...] = field(default=())


class Outdated(Exception):
    """Another view is wanted by now."""


def render(stack: Stack, view: View, look: Look, font: QFont, outdated: Callable[[], bool] = lambda: False) -> Rendered:
    """Both images of a view.

    Raises:
        Outdated: `outdated` said so before it was done.
    """
    base = render_base(stack.picture, view) if stack.picture else None
    return Rendered(view, base, render_overlay(stack.scene, view, look, font, stack.masks, outdated))


def render_base(picture: Picture, view: View) -> QImage:
    """The picture, sharp at this scale; pixels show as squares from 300 % on."""
    image = QImage(view.width, view.height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    # In bands: Qt holds the interpreter while it paints, and the window would wait for the whole.
    for top in range(0, view.height, BAND):
        painter.setClipRect(QRect(0, top, view.width, BAND))
        paint_picture(painter, picture, view, smooth=view.scale < 3)
    painter.end()
    return image


def paint_picture(painter: QPainter, picture: Picture, view: View, *, smooth: bool) -> None:
    """Draws the visible part of the picture from the level of the pyramid that fits."""
    level, own = picture.level_for(view.scale)
    left, top = max(0.0, -view.x / view.scale), max(0.0, -view.y / view.scale)
    right = min(float(picture.size.width()), (view.width - view.x) / view.scale)
    bottom = min(float(picture.size.height()), (view.height - view.y) / view.scale)
    if right <= left or bottom <= top:
        return
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    target = QRectF(
        view.x + left * view.scale, view.y + top * view.scale, (right - left) * view.scale, (bottom - top) * view.scale
    )
    painter.drawImage(target, level, QRectF(left * own, top * own, (right - left) * own, (bottom - top) * own))


def render_overlay(
    scene: Scene,
    view: View,
    look: Look,
    font: QFont,
    masks: tuple[Picture, ...] = (),
    outdated: Callable[[], bool] = lambda: False,
) -> QImage:
    """The annotations on a transparent ground.

    Raises:
        Outdated: `outdated` said so before it was done.
    """
    image = QImage(view.width, view.height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    margin = 12 * view.ratio / view.scale
    seen = scene.within(
        -view.x / view.scale - margin,
        -view.y / view.scale - margin,
        (view.width - view.x) / view.scale + margin,
        (view.height - view.y) / view.scale + margin,
    )
    shown = seen[scene.passing(look.filter)[seen]]
    # Largest first, so that nothing small is hidden under the fill of something large.
    shown = shown[np.argsort(-scene.areas[shown], kind="stable")]
    painter = QPainter(image)
    try:
        painter.setOpacity(look.mask_opacity)
        for mask in masks:
            paint_picture(painter, mask, view, smooth=False)
        painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        steps = draw_items(painter, scene, shown, view, look)
        if len(shown) >= CROWD:
            steps = draw_crowd(painter, scene, shown, view, look)
        for _ in steps:
            if outdated():
                raise Outdated
        draw_relations(painter, scene, view, look)
        if look.labels:
            draw_labels(painter, scene, shown, view, font)
    finally:
        painter.end()
    return image
