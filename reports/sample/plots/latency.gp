# Latency distribution: from send to delivery. Draw it again with: gnuplot latency.gp
SVG = 'latency.svg'
set encoding utf8
set border 3 linecolor rgb 'black'
set tics nomirror
set grid linecolor rgb '#9a9a9a' linewidth 0.5
set style fill solid 0.9 border -1
colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'
do for [i = 1:40] { set linetype i linecolor rgb word(colours, (i - 1) % 8 + 1) }
set terminal svg size 560,400 font 'sans-serif,15' noenhanced
set output SVG
set logscale x 2
set xlabel 'microseconds (each bin is twice as wide as the one before)' offset 0,0.5
set ylabel 'share of messages'
set yrange [0:*]
set key outside bottom center horizontal font ',12'
stats 'latency.dat' using 1 nooutput
plot for [b = 0:STATS_blocks - 1] 'latency.dat' index b using (sqrt($1 * $2)):3 \
     with linespoints linewidth 2 pointsize 0.5 title columnheader(1)
