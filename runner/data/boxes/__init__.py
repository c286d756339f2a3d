"""The layout ``boxes``: pictures with boxes around things of named classes, of COCO, YOLO, Pascal VOC or rows."""
