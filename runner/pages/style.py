"""What a comparison's page adds to the style of a run's page."""

CSS = """\
body { max-width: 76rem; }
td.who { min-width: 11rem; }
th.plotted, td.plotted { width: 20%; min-width: 9rem; }
small.under { display: block; color: var(--soft); font-weight: 400; line-height: 1.25; }
.own .tied { font-weight: 600; }
.tied { color: var(--soft); }
table.ranks th, table.heat th { vertical-align: bottom; }
table.ranks td, table.ranks th { padding-left: .5rem; }
table.ranks th.n { max-width: 7.5rem; white-space: normal; overflow-wrap: break-word; hyphens: none; }
table.ranks small {
  color: var(--soft); display: inline-block; min-width: 3.2rem; text-align: left; padding-left: .4rem;
}
table.heat { width: auto; border-collapse: separate; border-spacing: 2px; table-layout: fixed; }
table.heat th, table.heat td { border: 0; }
table.heat thead th { box-shadow: none; position: static; }
table.heat th.up {
  width: 2.9rem; min-width: 2.9rem; padding: 0 0 .3rem; height: 10.5rem;
}
table.heat th.up span {
  writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; max-height: 10.5rem; overflow: hidden;
  text-overflow: ellipsis;
}
table.heat td.llm {
  white-space: nowrap; padding: .15rem .7rem .15rem 0; max-width: 15rem; overflow: hidden; text-overflow: ellipsis;
}
table.heat td.cell { padding: .12rem 0; text-align: center; line-height: 1.15; border-radius: 3px; }
table.heat td.cell small { display: block; font-size: .68rem; opacity: .75; }
table.heat td.won { background: color-mix(in srgb, var(--one) var(--much), var(--page)); }
table.heat td.lost { background: color-mix(in srgb, var(--two) var(--much), var(--page)); }
table.heat td.none { color: var(--soft); }
.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
@media print { table.heat td.cell { print-color-adjust: exact; } }
"""
