# Copy amplification against message size. Draw it again with: gnuplot amplification.gp
SVG = 'amplification.svg'
set encoding utf8
set border 3 linecolor rgb 'black'
set tics nomirror
set grid linecolor rgb '#9a9a9a' linewidth 0.5
set style fill solid 0.9 border -1
colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'
do for [i = 1:40] { set linetype i linecolor rgb word(colours, (i - 1) % 8 + 1) }
set terminal svg size 560,400 font 'sans-serif,15' noenhanced
set output SVG
FILE = 'amplification.dat'
stats FILE using 3 nooutput
emulated = STATS_max > 0
set logscale x 2
set offsets graph 0.1, graph 0.2, graph 0.4, 0
set yrange [0:*]
set xlabel 'bytes per message'
set ylabel 'bytes copied / bytes delivered'
set key outside bottom center horizontal
set format x '%.0b %BB'
plot FILE using 1:2 with points pointtype 7 pointsize 0.9 linecolor rgb '#2a78b8' title 'copies', \
     for [i = 1:emulated] FILE using 1:3 with points pointtype 5 pointsize 0.9 linecolor rgb '#c2571a' title 'emulated DMA', \
     FILE using 1:2:4 with labels left rotate by 30 offset 0.5,0.5 font ',12' notitle
