// The control panel: every part is started here and hears what livecam says through one stream.

import { startAdd } from "/page/add.js";
import { startConsole } from "/page/console.js";
import { startControls } from "/page/controls.js";
import { startDevices } from "/page/devices.js";
import { startDoctor } from "/page/doctor.js";
import { startFaces } from "/page/faces.js";
import { startFigures } from "/page/figures.js";
import { startKeys } from "/page/keys.js";
import { startPreviews } from "/page/preview.js";
import { startRenew } from "/page/renew.js";
import { startState } from "/page/state.js";
import { Stream } from "/page/stream.js";
import { startTabs } from "/page/tabs.js";

const stream = new Stream("/api/events");
const tabs = startTabs();

startState(stream);
startKeys(tabs);
startControls(stream);
startAdd(startFaces(stream));
startRenew();
startPreviews(stream);
startFigures(stream, tabs);
startDevices(stream, tabs);
startDoctor(tabs);
startConsole(stream, tabs);
stream.start();
