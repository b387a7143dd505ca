"""The report: raw Allure results, and the HTML that Allure 3 makes of them."""
