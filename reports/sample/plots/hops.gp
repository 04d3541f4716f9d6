# Median time per hop, by flow. Draw it again with: gnuplot hops.gp
SVG = 'hops.svg'
set encoding utf8
set border 3 linecolor rgb 'black'
set tics nomirror
set grid linecolor rgb '#9a9a9a' linewidth 0.5
set style fill solid 0.9 border -1
colours = '#2a78b8 #c2571a #3d9a5f #7d3c98 #b58a00 #d1495b #138a8a #7a6a58'
do for [i = 1:40] { set linetype i linecolor rgb word(colours, (i - 1) % 8 + 1) }
FILE = 'hops.dat'
stats FILE using 1 nooutput
rows = int(STATS_max) + 1
set terminal svg size 560,(150 + 28 * rows) font 'sans-serif,15' noenhanced
set output SVG
set ytics scale 0
set xtics rangelimited
set xrange [0:130]
set xtics 0,25,100
set xlabel 'share of the time from send to delivery, % (medians, added up)' offset 0,0.5
set key outside bottom center horizontal
kinds = 'start copy copy,_site_unknown transform handoff pin dma pio emulated-dma wire drop gap gap_(user_space)'
of_kind = '#888888 #2a78b8 #7d3c98 #138a8a #8fa3ad #b58a00 #3d9a5f #7a6a58 #c2571a #c9a227 #333333 #d1495b #e0a0a8'
present = ''
do for [k = 0:words(kinds) - 1] {
  stats FILE using ($4 == k) nooutput
  if (STATS_sum > 0) { present = present . ' ' . k }
}
kind(i) = int(word(present, i))
set yrange [rows - 0.4:-0.6]
plot for [i = 1:words(present)] FILE \
     using ($4 == kind(i) ? $2/$8*100 : NaN):1:($2/$8*100):($3/$8*100):($1-0.35):($1+0.35):ytic(5) with boxxyerror \
     linecolor rgb word(of_kind, kind(i) + 1) title word(kinds, kind(i) + 1), \
     FILE using ($2 == 0 ? 100 : NaN):1:(sprintf(' %.0f us', $8)) with labels left font ',12' notitle
