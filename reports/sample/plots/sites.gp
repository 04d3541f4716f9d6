# Bytes by copy site. Draw it again with: gnuplot sites.gp
SVG = 'sites.svg'
set encoding utf8
set border 3 linecolor rgb 'black'
set tics nomirror
set grid linecolor rgb '#9a9a9a' linewidth 0.5
set style fill solid 0.9 border -1
colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'
do for [i = 1:40] { set linetype i linecolor rgb word(colours, (i - 1) % 8 + 1) }
FILE = 'sites.dat'
stats FILE using 1 nooutput
rows = int(STATS_max) + 1
set terminal svg size 560,(150 + 28 * rows) font 'sans-serif,15' noenhanced
set output SVG
set ytics scale 0
set xtics rangelimited
stats FILE using 3 nooutput
set xrange [0:*]
set xtics STATS_max / 4.0
set format x '%.1s%c'
set xlabel 'bytes'
stats FILE using ($4 == 8) nooutput
emulated = STATS_sum > 0
set key outside bottom center horizontal
set yrange [rows - 0.4:-0.6]
plot FILE using ($4 == 8 ? NaN : $3):1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror linecolor rgb '#2a78b8' title 'copies', \
     for [i = 1:emulated] FILE using ($4 == 8 ? $3 : NaN):1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror linecolor rgb '#c2571a' title 'emulated DMA'
