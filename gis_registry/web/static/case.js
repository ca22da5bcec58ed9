/** The page of a case: its buttons ask for what they need, and say what came of it. */
(function () {
  "use strict";

  const isChinese = document.documentElement.lang.startsWith("zh");
  const say = (zh, en) => (isChinese ? zh : en);
  const about = document.getElementById("case");
  const changed = document.getElementById("changed");
  const number = about.dataset.case;
  const problems = JSON.parse(document.getElementById("problems").dataset.problems);
  const SENT_BY_US = { "X-Requested-With": "gis-registry" };

  deadlines.run(about.dataset.now);

  /** What a problem says, as a sentence; its kind is known in Chinese too. */
  function sentence(told, status) {
    if (!told) return say(`没有成功（${status}），请再试。`, `That did not work (${status}); try again.`);
    const kind = isChinese ? problems[String(told.type).split("/").pop()] : "";
    return [kind, told.detail].filter(Boolean).join(isChinese ? "：" : "");
  }

  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, { method: "POST", ...options, headers: { ...SENT_BY_US, ...options.headers } });
    } catch {
      throw new Error(say("没有送达，请检查网络后再试。", "It did not arrive. Check the network, then try again."));
    }
    const told = await answer.json().catch(() => null);
    if (!answer.ok) {
      const error = new Error(sentence(told, answer.status));
      error.status = answer.status;
      throw error;
    }
    return told;
  }

  // ---------------------------------------------------------------- what others do meanwhile

  /** Say who changed it since this page was read. */
  async function lookAgain() {
    const answer = await fetch(`/api/cases/${number}`);
    if (!answer.ok) return;
    const now = await answer.json();
    if (String(now.version) === about.dataset.version) return;
    const last = now.events[now.events.length - 1];
    const at = new Date(last.happened_at).toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit", minute: "2-digit", hour12: false,
    });
    changed.firstElementChild.textContent = say(
      `${last.actor}于${at}更改了此案件。`, `Changed by ${last.actor} at ${at}.`);
    changed.hidden = false;
  }

  live.onCases((numbers) => {
    if (numbers === null || numbers.includes(Number(number))) lookAgain().catch(() => {});
  });

  // ---------------------------------------------------------------- forms

  const photosOf = new WeakMap();
  const positionOf = new WeakMap();

  function refuse(form, words) {
    const line = form.querySelector(".refusal");
    line.textContent = words;
    line.hidden = !words;
    if (words) line.scrollIntoView({ block: "nearest" });
  }

  async function addPhotos(form, input) {
    const kept = photosOf.get(form) || [];
    photosOf.set(form, kept);
    const shown = form.querySelector(".photos .thumbnails");
    const send = form.querySelector("[type=submit]");
    for (const file of [...input.files]) {
      const item = document.createElement("li");
      item.className = "waits";
      item.textContent = say("上传中…", "sending…");
      shown.append(item);
      send.disabled = true;
      try {
        const body = new FormData();
        body.append("photo", file);
        const told = await ask("/api/photos", { body });
        const picture = document.createElement("img");
        Object.assign(picture, { src: told.links.thumbnail, alt: file.name, width: 96, height: 96 });
        const drop = document.createElement("button");
        Object.assign(drop, { type: "button", textContent: "×", title: say("去掉", "Remove") });
        drop.setAttribute("aria-label", `${drop.title} ${file.name}`);
        drop.addEventListener("click", () => {
          kept.splice(kept.indexOf(told.photo), 1);
          item.remove();
        });
        item.className = "";
        item.replaceChildren(picture, drop);
        if (!kept.includes(told.photo)) kept.push(told.photo);
        else item.remove();
        refuse(form, "");
      } catch (error) {
        item.remove();
        refuse(form, `${file.name}: ${error.message}`);
      }
      send.disabled = false;
    }
    input.value = "";
  }

  function metresTo(coords) {
    const [lat, lon] = [Number(about.dataset.lat), Number(about.dataset.lon)];
    const north = (coords.latitude - lat) * 111195;
    const east = (coords.longitude - lon) * 111195 * Math.cos(lat * Math.PI / 180);
    return Math.round(Math.hypot(north, east));
  }

  function locate(form) {
    const output = form.querySelector(".position output");
    if (!window.isSecureContext || !navigator.geolocation) {
      output.textContent = say("浏览器只在 https 网页上提供位置。", "Browsers tell the position on https pages alone.");
      return;
    }
    output.textContent = say("定位中…", "Finding…");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        positionOf.set(form, {
          lon: coords.longitude, lat: coords.latitude, datum: "wgs84",
          accuracy_m: Math.min(1000, Math.max(1, coords.accuracy)),
        });
        const [off, accuracy] = [metresTo(coords), Math.round(coords.accuracy)];
        output.textContent = say(`距案件${off}米，误差${accuracy}米`, `${off} m from the case, ± ${accuracy} m`);
        refuse(form, "");
      },
      (error) => {
        output.textContent = error.code === 1
          ? say("未获准使用位置，请在浏览器设置中允许。", "The position was not allowed; allow it in the browser's settings.")
          : say("暂时无法定位，请到空旷处再试。", "No position just now; try again in the open.");
      },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 30000 },
    );
  }

  /** What is still missing, as a sentence. */
  function missing(form) {
    for (const input of form.querySelectorAll("[required]")) {
      if (!input.checkValidity() || (input.type !== "radio" && !input.value.trim())) {
        input.focus();
        return {
          reason: say("请填写原因。", "Give a reason."),
          unit_code: say("请选择单位。", "Choose a unit."),
          amount: say("请填写还需多少时间。", "Say how much more time."),
          is_upheld: say("请选择裁定。", "Choose a verdict."),
        }[input.name] || input.validationMessage;
      }
    }
    if (form.querySelector("input[type=file][data-needed]") && !(photosOf.get(form) || []).length) {
      return say("请至少拍一张照片。", "Take at least one photo.");
    }
    if (form.querySelector(".locate[data-needed]") && !positionOf.has(form)) {
      return say("请先取得您的位置。", "Find your position first.");
    }
    return "";
  }

  function content(form) {
    const given = Object.fromEntries(
      [...new FormData(form)].filter(([, value]) => typeof value === "string" && value.trim()));
    if ("amount" in given) given.amount = Number(given.amount);
    else delete given.unit;
    if ("is_upheld" in given) given.is_upheld = given.is_upheld === "true";
    if (photosOf.get(form)?.length) given.photos = photosOf.get(form);
    if (positionOf.has(form)) given.position = positionOf.get(form);
    if (form.dataset.action === "return") given.unit_code = form.dataset.unit;
    return given;
  }

  async function submit(form) {
    const lack = missing(form);
    refuse(form, lack);
    if (lack) return;
    const send = form.querySelector("[type=submit]");
    send.disabled = true;
    try {
      await ask(`/api/cases/${number}/${form.dataset.action}`, {
        headers: { "Content-Type": "application/json", "If-Match": `"${about.dataset.version}"` },
        body: JSON.stringify(content(form)),
      });
      location.reload();
    } catch (error) {
      send.disabled = false;
      if (error.status === 412) await lookAgain().catch(() => {});
      refuse(form, error.status === 412 && changed.firstElementChild.textContent
        ? changed.firstElementChild.textContent + say(" 请先查看，再决定。", " Look at it first.")
        : error.message);
      if (error.status === 401) refuse(form, say("登录已失效，请重新登录。", "You are no longer signed in; sign in again."));
    }
  }

  for (const form of document.querySelectorAll("form.do")) {
    const dialog = form.closest("dialog");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form);
    });
    form.querySelector(".cancel").addEventListener("click", () => dialog.close());
    form.querySelector("input[type=file]")?.addEventListener("change", (event) => addPhotos(form, event.target));
    form.querySelector(".locate")?.addEventListener("click", () => locate(form));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }
  for (const button of document.querySelectorAll("button[data-action]")) {
    button.addEventListener("click", () => {
      button.closest("details")?.removeAttribute("open");
      const dialog = document.getElementById(`do-${button.dataset.action}`);
      dialog.showModal();
      if (dialog.querySelector(".locate[data-needed]")) locate(dialog.querySelector("form"));
    });
  }
})();
