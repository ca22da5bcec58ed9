def test_try(run, module_settings, capsys):
    for c in ["catalogue show 0137", "units show QD-G-370202-T01", "catalogue list --edition cjt214-2007", "catalogue list --matters --edition cjt214-2007", "places locate 120.38 36.07", "units show QD-D-370202"]:
        o = run(module_settings, *c.split())
        with capsys.disabled():
            print("\n##", c); print(o.out[:1500]); print("ERR", o.err)
