// One description of a figure, drawn alike in a browser and without one.
//
// An option is plain JSON. The things JSON cannot say are named in it and put in here: how a custom series
// draws its marks, how a tick and a legend are lettered, and how a tooltip is made from a row's text.
var chimera = (function () {
  'use strict';

  function escape(text) {
    return String(text).replace(/[&<>"']/g, function (c) { return '&#' + c.charCodeAt(0) + ';'; });
  }

  // hatch returns the path of 45° lines that fill a rectangle, each cut at its edges: rising lines, or falling
  // ones for a negative gap. The gap is measured along the edge.
  function hatch(x0, y0, x1, y1, gap) {
    var d = '', w = x1 - x0, h = y1 - y0, fall = gap < 0;
    gap = Math.abs(gap);
    function y(v) { return fall ? y1 - v : y0 + v; }
    for (var k = gap / 2; k < w + h; k += gap) {
      d += 'M' + (x0 + Math.max(0, k - h)) + ' ' + y(Math.min(h, k)) +
        'L' + (x0 + Math.min(w, k)) + ' ' + y(Math.max(0, k - w));
    }
    return d;
  }

  // see projects space, the unit cube, on the area: seen with parallel rays from above, u to the right front, v
  // to the right back, fitted so that every view fills the same part.
  function see(view) {
    var cos = Math.cos(view[0]), sin = Math.sin(view[0]), tilt = view[1], lift = 0.6;
    function flat(u, v, z) { return [u * cos + v * sin, (v * cos - u * sin) * tilt + z * lift]; }
    var width = cos + sin, low = -sin * tilt, high = cos * tilt + lift;
    var k = Math.min(1.393 / width, 1.297 / (high - low));
    var x = (1.393 - width * k) / 2, y = -0.287 - low * k + (1.297 - (high - low) * k) / 2;
    return function (u, v, z) { var p = flat(u, v, z); return [p[0] * k + x, p[1] * k + y]; };
  }

  function depth(view, row) {
    return row.depth ? row.depth[0] * Math.sin(view[0]) - row.depth[1] * Math.cos(view[0]) + row.depth[2] : -99;
  }

  // place turns a mark's point [x, y, dx, dy] into pixels: data coordinates, then an offset in pixels. In space
  // it has a fifth number, its height.
  function place(api, project, p) {
    var q = api.coord(p.length > 4 ? project(p[0], p[1], p[4]) : [p[0], p[1]]);
    return [q[0] + (p[2] || 0), q[1] + (p[3] || 0)];
  }

  function box(a, b) {
    return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  }

  var draw = {
    line: function (q, m) { return { type: 'polyline', shape: { points: q }, style: m.s }; },
    area: function (q, m) { return { type: 'polygon', shape: { points: q }, style: m.s }; },
    disc: function (q, m) { return { type: 'circle', shape: { cx: q[0][0], cy: q[0][1], r: m.r }, style: m.s }; },
    rect: function (q, m) {
      var b = box(q[0], q[1]);
      return { type: 'rect', shape: { x: b[0], y: b[1], width: b[2] - b[0], height: b[3] - b[1], r: m.r || 0 }, style: m.s };
    },
    hatch: function (q, m) {
      var b = box(q[0], q[1]);
      return { type: 'path', shape: { pathData: hatch(b[0], b[1], b[2], b[3], m.r || 6) }, style: m.s };
    },
    text: function (q, m) { return { type: 'text', x: q[0][0], y: q[0][1], rotation: m.r || 0, style: m.s }; }
  };

  function item(series) {
    var project = series.view && see(series.view);
    return function (params, api) {
      var row = series.data[params.dataIndex];
      return {
        type: 'group',
        silent: !row.tip,
        children: row.marks.map(function (m) {
          return draw[m.k](m.p.map(function (p) { return place(api, project, p); }), m);
        })
      };
    };
  }

  function letter(axis) {
    if (!axis.ticks) return;
    var ticks = axis.ticks;
    axis.axisLabel.formatter = function (v) {
      var best = 0;
      ticks.forEach(function (t, i) { if (Math.abs(t[0] - v) < Math.abs(ticks[best][0] - v)) best = i; });
      return ticks[best][1];
    };
  }

  function revive(option) {
    option.xAxis.forEach(letter);
    option.yAxis.forEach(letter);
    option.series.forEach(function (s) { if (s.type === 'custom') s.renderItem = item(s); });
    if (option.legend) {
      var labels = option.legend.labels;
      option.legend.formatter = function (id) { return labels[id]; };
    }
    option.tooltip.formatter = function (p) {
      return p.data && p.data.tip ? escape(p.data.tip).replace(/\n/g, '<br>') : '';
    };
    return option;
  }

  function svg(json, width, height) {
    var chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: width, height: height });
    try {
      chart.setOption(revive(JSON.parse(json)));
      return chart.renderToSVGString();
    } finally {
      chart.dispose();
    }
  }

  // turn lets a reader look at space from elsewhere, as far as the names at its edges stay in front.
  function turn(chart, series, frame) {
    var from = null;
    function look(right, up) {
      series.view = [Math.min(1.45, Math.max(0.12, series.view[0] + right)), Math.min(0.9, Math.max(0.15, series.view[1] + up))];
      series.data.sort(function (a, b) { return depth(series.view, a) - depth(series.view, b); });
      chart.setOption({ series: [{ data: series.data, renderItem: item(series) }] });
    }
    frame.style.cursor = 'grab';
    frame.style.touchAction = 'pan-y';
    frame.addEventListener('pointerdown', function (e) { from = [e.clientX, e.clientY]; frame.setPointerCapture(e.pointerId); });
    frame.addEventListener('pointerup', function () { from = null; });
    frame.addEventListener('pointercancel', function () { from = null; });
    frame.addEventListener('pointermove', function (e) {
      if (!from) return;
      look((from[0] - e.clientX) / 200, (e.clientY - from[1]) / 300);
      from = [e.clientX, e.clientY];
    });
    frame.addEventListener('keydown', function (e) {
      var step = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05] }[e.key];
      if (!step) return;
      e.preventDefault();
      look(step[0], step[1]);
    });
  }

  // wake replaces the still drawing of every figure on the page by a live one of the same option. A figure is
  // never drawn narrower than it can be read: its frame scrolls instead.
  function wake(root) {
    root.querySelectorAll('figure.cx').forEach(function (figure) {
      var source = figure.querySelector('script.cx-option'), frame = figure.querySelector('.cx-plot');
      if (!source || figure.dataset.live) return;
      figure.dataset.live = '1';
      var least = +frame.dataset.least, height = +frame.dataset.height, live = document.createElement('div');
      function width() { return Math.max(least, frame.clientWidth); }
      live.setAttribute('aria-hidden', 'true');
      live.style.height = height + 'px';
      live.style.width = width() + 'px';
      frame.replaceChildren(live);
      var chart = echarts.init(live, null, { renderer: 'svg', width: width(), height: height });
      var option = revive(JSON.parse(source.textContent));
      chart.setOption(option);
      if (option.series[0].view) turn(chart, option.series[0], frame);
      new ResizeObserver(function () {
        live.style.width = width() + 'px';
        chart.resize({ width: width(), height: height });
      }).observe(frame);
    });
  }

  if (typeof document !== 'undefined') {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', function () { wake(document); });
    else wake(document);
  }
  return { svg: svg, wake: wake };
})();
