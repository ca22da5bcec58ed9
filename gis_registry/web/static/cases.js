/** The list of open cases: deadlines run on, rows change as cases do, and many are filed at once. */
(function () {
  "use strict";

  const isChinese = document.documentElement.lang.startsWith("zh");
  const say = (zh, en) => (isChinese ? zh : en);
  const list = document.getElementById("list");
  const status = document.getElementById("live");
  const showNew = document.getElementById("show-new");
  const bulk = document.getElementById("bulk");
  const AT_ONCE = 4;

  deadlines.run(list.dataset.now);

  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.classList.add("scripted");
    form.addEventListener("change", () => form.requestSubmit());
  }

  // ---------------------------------------------------------------- as cases change

  const rows = () => [...list.querySelectorAll("tr[data-case]")];

  /** Put what the server says now into the rows that are here; nothing moves under the pointer. */
  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = new Map([...page.querySelectorAll("tr[data-case]")].map((row) => [row.dataset.case, row]));
    for (const row of rows()) {
      const fresh = now.get(row.dataset.case);
      now.delete(row.dataset.case);
      if (!fresh) leave(row);
      else if (fresh.dataset.version !== row.dataset.version) replace(row, fresh);
    }
    for (const selector of [".chips", ".pages"]) {
      const [here, there] = [document.querySelector(selector), page.querySelector(selector)];
      if (here && there && !here.contains(document.activeElement)) here.innerHTML = there.innerHTML;
    }
    const isFirst = list.dataset.first === "yes";
    showNew.hidden = !(isFirst && now.size);
    showNew.href = location.href;
    showNew.textContent = say(`另有${now.size}件进入此列表：显示`, `${now.size} more belong here: show`);
    deadlines.paint();
    count();
  }

  function replace(row, fresh) {
    const wasPicked = row.querySelector("input:checked") !== null;
    const result = row.querySelector(".result").textContent;
    const hadFocus = row.contains(document.activeElement);
    const here = document.importNode(fresh, true);
    const box = here.querySelector("input");
    if (box && wasPicked) box.checked = true;
    here.querySelector(".result").textContent = result;
    here.classList.add("changed-now");
    row.replaceWith(here);
    if (hadFocus) here.querySelector("a").focus();
  }

  function leave(row) {
    if (row.classList.contains("gone")) return;
    row.classList.add("gone");
    const box = row.querySelector("input");
    if (box) {
      box.checked = false;
      box.disabled = true;
    }
    const result = row.querySelector(".result");
    if (!result.textContent) result.textContent = say("已不在此列表", "no longer in this list");
  }

  live.onCases(() => refresh().catch(() => {}));

  // ---------------------------------------------------------------- many at once

  if (!bulk) return;
  const all = document.getElementById("pick-all");
  const picked = () => [...list.querySelectorAll("input[name=case]:checked")];

  function count() {
    if (!bulk) return;
    const here = picked().length;
    document.getElementById("picked").textContent = String(here);
    bulk.hidden = here === 0;
    const boxes = list.querySelectorAll("input[name=case]:enabled").length;
    if (all) {
      all.checked = here > 0 && here === boxes;
      all.indeterminate = here > 0 && here < boxes;
      all.disabled = boxes === 0;
    }
  }

  list.addEventListener("change", (event) => {
    if (event.target === all) {
      for (const box of list.querySelectorAll("input[name=case]:enabled")) box.checked = all.checked;
    }
    count();
  });
  document.getElementById("unpick").addEventListener("click", () => {
    for (const box of picked()) box.checked = false;
    count();
  });

  async function file(row) {
    // The row may be replaced meanwhile: what came of it belongs to the one that is shown then.
    const here = (selector) => list.querySelector(`tr[data-case="${row.dataset.case}"] ${selector}`);
    const tell = (words) => { here(".result").textContent = words; };
    tell(say("立案中…", "filing…"));
    try {
      const answer = await fetch(`/api/cases/${row.dataset.case}/file`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json", "X-Requested-With": "gis-registry",
          "If-Match": `"${row.dataset.version}"`,
        },
        body: "{}",
      });
      const told = await answer.json();
      const box = here("input");
      if (box) box.checked = false;
      if (answer.ok) {
        tell(say(`立案完成：${told.state_zh}`, `filed: ${told.state_en}`));
        return true;
      }
      tell(answer.status === 412
        ? say("期间已被他人修改，未立案", "changed by somebody meanwhile; not filed")
        : say(`未立案：${told.detail}`, `Not filed: ${told.detail}`));
    } catch {
      tell(say("没有送达，请再试", "It did not arrive; try again"));
    }
    return false;
  }

  document.getElementById("file-picked").addEventListener("click", async (event) => {
    event.target.disabled = true;
    const waiting = picked().map((box) => box.closest("tr"));
    const wanted = waiting.length;
    let filed = 0;
    async function work() {
      for (let row = waiting.shift(); row; row = waiting.shift()) if (await file(row)) filed += 1;
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    event.target.disabled = false;
    status.textContent = say(`${filed}件已立案，${wanted - filed}件未立案`, `${filed} filed, ${wanted - filed} not`);
    count();
    await refresh().catch(() => {});
  });
  count();
})();
