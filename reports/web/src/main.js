document.getElementById("main").textContent = JSON.parse(document.getElementById("report-data").textContent).title;
