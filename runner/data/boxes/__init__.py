"""The layout ``boxes``: pictures with boxes around things of named classes, as COCO, YOLO, Pascal VOC or rows have them."""
