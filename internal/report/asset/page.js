// The page's own behaviour: facts on hover and focus, sorted and filtered tables, the theme. Everything it shows
// is already in the page; it only moves text nodes, never markup.
(function () {
  'use strict';
  var root = document.documentElement, pop = document.getElementById('pop'), at = null, pinned = false;
  root.classList.add('js');

  function node(name, text) {
    var n = document.createElement(name);
    if (text !== undefined) n.textContent = text;
    return n;
  }

  // Theme: as the system has it, until the reader chooses.
  var button = document.getElementById('theme'), themes = ['', 'light', 'dark'], names = ['system', 'light', 'dark'], theme = 0;
  function paint() {
    if (themes[theme]) root.dataset.theme = themes[theme]; else delete root.dataset.theme;
    button.textContent = 'theme: ' + names[theme];
  }
  try { theme = Math.max(0, themes.indexOf(localStorage.getItem('chimera-theme') || '')); } catch (e) { theme = 0; }
  button.hidden = false;
  button.addEventListener('click', function () {
    theme = (theme + 1) % themes.length;
    try { localStorage.setItem('chimera-theme', themes[theme]); } catch (e) { /* a page without storage forgets */ }
    paint();
  });
  paint();

  // Facts: the row of the ledger, beside the number.
  function fill(row) {
    var list = node('dl'), heads = row.closest('table').tHead.rows[0].cells;
    Array.prototype.forEach.call(row.cells, function (cell, i) {
      if (!cell.textContent) return;
      list.append(node('dt', heads[i].dataset.name), node('dd', cell.textContent));
    });
    pop.replaceChildren(list, node('p', 'Enter or click: keep open · again: the ledger'));
  }
  function show(link) {
    var row = document.getElementById(link.dataset.f);
    if (!row || link === at) return;
    hide();
    at = link;
    fill(row);
    pop.hidden = false;
    link.classList.add('on');
    link.setAttribute('aria-describedby', 'pop');
    var a = link.getBoundingClientRect(), p = pop.getBoundingClientRect(), wide = root.clientWidth;
    var left = Math.max(12, Math.min(a.left, wide - p.width - 12));
    var above = a.bottom + p.height + 10 > window.innerHeight && a.top - p.height - 8 > 0;
    pop.style.left = left + window.scrollX + 'px';
    pop.style.top = (above ? a.top - p.height - 8 : a.bottom + 8) + window.scrollY + 'px';
  }
  function hide() {
    if (at) { at.classList.remove('on'); at.removeAttribute('aria-describedby'); }
    at = null; pinned = false; pop.hidden = true;
  }
  function fact(e) { return e.target.closest && e.target.closest('a.f'); }
  document.addEventListener('mouseover', function (e) {
    var link = fact(e);
    if (link) { if (!pinned) show(link); } else if (!pinned && at && !pop.contains(e.target) && document.activeElement !== at) hide();
  });
  document.addEventListener('focusin', function (e) { var link = fact(e); if (link) show(link); else if (!pop.contains(e.target)) hide(); });
  document.addEventListener('click', function (e) {
    var link = fact(e);
    if (!link) { if (!pop.contains(e.target)) hide(); return; }
    if (link === at && pinned) { hide(); return; } // the second time, the link is followed
    e.preventDefault();
    show(link);
    pinned = true;
  });
  document.addEventListener('keydown', function (e) { if (e.key === 'Escape') hide(); });

  // Tables: sorted by a click on a head; what is missing stays last.
  function key(row, i) { var v = row.cells[i].dataset.v; return v === undefined ? null : v; }
  function order(i, numbers, down) {
    return function (a, b) {
      var x = key(a, i), y = key(b, i);
      if (x === null || y === null) return (x === null) - (y === null);
      var d = numbers ? x - y : x.localeCompare(y, 'en', { numeric: true });
      return down ? -d : d;
    };
  }
  function sort(th) {
    var table = th.closest('table'), i = th.cellIndex, body = table.tBodies[0], rows = Array.from(body.rows);
    var down = th.getAttribute('aria-sort') === 'ascending';
    Array.from(table.tHead.rows[0].cells).forEach(function (c) { c.removeAttribute('aria-sort'); });
    th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    var numbers = rows.every(function (r) { var v = key(r, i); return v === null || v !== '' && isFinite(v); });
    rows.sort(order(i, numbers, down)).forEach(function (r) { body.append(r); });
  }
  document.querySelectorAll('table.sortable thead th').forEach(function (th) {
    var b = node('button');
    b.type = 'button';
    b.append.apply(b, Array.from(th.childNodes));
    th.append(b);
    b.addEventListener('click', function () { sort(th); });
  });

  document.querySelectorAll('.filter').forEach(function (box) {
    var rows = Array.from(document.getElementById(box.dataset.for).tBodies[0].rows), said = box.querySelector('output');
    box.querySelector('input').addEventListener('input', function (e) {
      var words = e.target.value.toLowerCase().split(/\s+/), left = 0;
      rows.forEach(function (r) {
        var text = r.textContent.toLowerCase(), fits = words.every(function (w) { return text.indexOf(w) >= 0; });
        r.hidden = !fits;
        left += fits;
      });
      said.textContent = left + ' of ' + rows.length + ' rows';
    });
  });

  // A link into a long table leads to its row, also where a filter hid it.
  window.addEventListener('hashchange', function () {
    var row = document.getElementById(location.hash.slice(1));
    if (row) row.hidden = false;
  });
})();
