// SPDX-License-Identifier: Apache-2.0
// `[data-chart]` draws the series of an address; the same numbers stand in the table below it.
import { LineChart } from "echarts/charts";
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { colour, onTheme } from "./theme.js";

echarts.use([LineChart, AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

// Okabe and Ito's colours: told apart by people who see fewer; dashes tell them apart in print.
const LINES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#a07800"];
const DASHES = ["solid", "solid", "solid", "dashed", "dashed", "dashed"];

function option(data) {
  const ink = colour("--ink");
  const soft = colour("--ink-soft");
  const line = colour("--line");
  const zone = data.time_zone;
  const language = document.documentElement.lang;
  const said = new Intl.DateTimeFormat(language, { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(language, { timeZone: zone, month: "numeric", day: "numeric" });
  const hour = new Intl.DateTimeFormat(language, { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const span = data.until - data.since;
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 250,
    aria: { enabled: true, label: { description: data.description } },
    color: LINES,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
    grid: { left: 52, right: 18, top: data.unit ? 54 : 36, bottom: 30 },
    legend: { type: "scroll", pageIconColor: ink, pageIconInactiveColor: line, pageTextStyle: { color: soft }, top: 0, left: 8, itemWidth: 18, textStyle: { color: ink }, inactiveColor: soft, selected: data.selected },
    tooltip: {
      trigger: "axis",
      backgroundColor: colour("--surface"),
      borderColor: colour("--line-strong"),
      textStyle: { color: ink, fontSize: 12 },
      axisPointer: { lineStyle: { color: soft } },
      renderMode: "richText",
      formatter: (points) => [
        said.format(points[0].value[0]),
        ...points.map((point) => {
          const series = data.series[point.seriesIndex];
          const value = point.value[1];
          return `${series.name}  ${value == null ? "—" : value.toFixed(series.decimals)} ${series.unit}`;
        }),
      ].join("\n"),
    },
    xAxis: {
      type: "time",
      min: data.since,
      max: data.until,
      axisLine: { lineStyle: { color: soft } },
      axisLabel: { color: soft, hideOverlap: true, formatter: (value) => (span > 3 * 86_400_000 ? day : hour).format(value) },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      name: data.unit,
      nameTextStyle: { color: soft, align: "right" },
      nameGap: 10,
      axisLabel: { color: soft },
      splitLine: { lineStyle: { color: line } },
    },
    dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false }],
    series: data.series.map((series, index) => ({
      type: "line",
      name: series.name,
      data: series.points,
      showSymbol: series.points.length < 40,
      symbolSize: 4,
      connectNulls: false,
      lineStyle: { width: 1.5, type: DASHES[index % DASHES.length] },
      emphasis: { disabled: true },
    })),
  };
}

async function draw(node) {
  const answer = await fetch(node.dataset.chart, { headers: { Accept: "application/json" } });
  const said = node.parentElement.querySelector("[data-chart-says]");
  if (!answer.ok) {
    said.textContent = node.dataset.unreachable;
    return;
  }
  const data = await answer.json();
  said.textContent = data.description;
  if (!data.series.some((series) => series.points.length)) {
    node.hidden = true;
    return;
  }
  node.hidden = false;
  const chart = echarts.getInstanceByDom(node) ?? echarts.init(node, null, { renderer: "canvas" });
  chart.setOption(option(data), { notMerge: true });
  node.redraw = () => chart.setOption(option(data), { notMerge: true });
  node.dataset.ready = "true";
}

const nodes = document.querySelectorAll("[data-chart]");
for (const node of nodes) {
  draw(node);
  new ResizeObserver(() => echarts.getInstanceByDom(node)?.resize()).observe(node);
}
onTheme(() => nodes.forEach((node) => node.redraw?.()));

// The spans above a chart ("24 h", "30 d", "1 y") are links that work without us; here they only change the picture.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("a[data-span]");
  if (!chosen || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const panel = chosen.closest(".panel");
  for (const other of panel.querySelectorAll("a[data-span]")) other.removeAttribute("aria-current");
  chosen.setAttribute("aria-current", "true");
  for (const node of panel.querySelectorAll("[data-chart]")) {
    const address = new URL(node.dataset.chart, location.href);
    address.searchParams.set("span", chosen.dataset.span);
    node.dataset.chart = address.pathname + address.search;
    draw(node);
  }
});
