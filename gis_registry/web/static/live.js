/**
 * What happens to cases, told to a page as it happens (GET /api/events).
 *
 * The stream is open only while the page is seen: a browser keeps six connections to a server for
 * all its pages together. What happened meanwhile, a page learns by looking again when it is seen.
 */
const live = (function () {
  "use strict";

  const SELDOM_MS = 2000; // however much happens, a page looks again only so often
  const AGAIN_MS = 60000; // where there is no stream, a page looks again all the same

  /**
   * Call back with the numbers of cases that something happened to; with null when it is not known
   * to which.
   */
  function onCases(callback) {
    let stream = null;
    let numbers = new Set();
    let isAll = false;
    let timer = null;
    let wasHidden = false;

    function tell() {
      timer = null;
      const told = isAll ? null : [...numbers];
      numbers = new Set();
      isAll = false;
      callback(told);
    }

    function soon() {
      if (timer === null) timer = setTimeout(tell, SELDOM_MS / 4 + Math.random() * SELDOM_MS / 2);
    }

    function open() {
      if (stream !== null || document.hidden || !window.EventSource) return;
      stream = new EventSource("/api/events");
      stream.addEventListener("message", (event) => {
        const notice = JSON.parse(event.data);
        if (Number.isInteger(notice.case_id)) numbers.add(notice.case_id);
        soon();
      });
      stream.addEventListener("missed", lookAgain);
      stream.addEventListener("error", () => {
        if (stream === null || stream.readyState !== EventSource.CLOSED) return; // it tries again
        stream = null;
        setTimeout(() => {
          if (document.hidden || stream !== null) return;
          open();
          lookAgain();
        }, AGAIN_MS);
      });
    }

    function lookAgain() {
      isAll = true;
      soon();
    }

    function close() {
      if (stream !== null) stream.close();
      stream = null;
    }

    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        wasHidden = true;
        close();
      } else {
        open();
        if (wasHidden) lookAgain();
      }
    });
    window.addEventListener("pagehide", close);
    window.addEventListener("pageshow", open);
    open();
  }

  return { onCases };
})();

/** Deadlines that run on: the words of every element with `data-due`, as the server writes them. */
const deadlines = (function () {
  "use strict";

  const SOON_MS = 2 * 3600 * 1000;
  const isChinese = document.documentElement.lang.startsWith("zh");
  let ahead = 0; // how far the server's clock is ahead of this one

  function length(milliseconds) {
    const minutes = Math.floor(Math.abs(milliseconds) / 60000);
    const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes % 1440 / 60), minutes % 60];
    const parts = days ? [[days, "天", "d"], [hours, "小时", "h"]]
      : hours ? [[hours, "小时", "h"], [rest, "分", "min"]] : [[rest, "分钟", "min"]];
    const said = parts.filter(([count], place) => count || !place);
    return isChinese ? said.map(([count, zh]) => count + zh).join("")
      : said.map(([count, , en]) => `${count} ${en}`).join(" ");
  }

  function words(left) {
    if (isChinese) return (left >= 0 ? "还剩" : "超时") + length(left);
    return left >= 0 ? `${length(left)} left` : `overdue by ${length(left)}`;
  }

  function now() {
    return Date.now() + ahead;
  }

  function paint() {
    for (const one of document.querySelectorAll("[data-due]")) {
      const left = Date.parse(one.dataset.due) - now();
      const said = words(left);
      if (one.textContent !== said) one.textContent = said;
      one.className = `due is-${left < 0 ? "overdue" : left < SOON_MS ? "soon" : "later"}`;
    }
  }

  /** Let the deadlines of a page run; it says what time it is for the server. */
  function run(serverNow) {
    ahead = Date.parse(serverNow) - Date.now();
    paint();
    setInterval(paint, 20000);
  }

  return { run, paint, now, words };
})();
