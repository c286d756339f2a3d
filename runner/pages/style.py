"""What a comparison's page adds to the style of a run's page."""

CSS = """\
body { max-width: 76rem; }
td.who { min-width: 11rem; }
th.plotted, td.plotted { width: 20%; min-width: 9rem; }
small.under { display: block; color: var(--soft); font-weight: 400; line-height: 1.25; }
.own .tied { font-weight: 600; }
.tied { color: var(--soft); }
table.ranks th { vertical-align: bottom; }
table.ranks td, table.ranks th { padding-left: .5rem; }
table.ranks th.n { max-width: 7.5rem; white-space: normal; overflow-wrap: break-word; hyphens: none; }
table.ranks small {
  color: var(--soft); display: inline-block; min-width: 3.2rem; text-align: left; padding-left: .4rem;
}
.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
"""
