; ADDER: an overlay, a far function that adds 4 to AL.
org 0
 add al,4
 retf
